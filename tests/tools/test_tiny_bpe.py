from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_bpe import byte_alphabet, merged, train, vocabulary, words_in


def test_every_byte_has_a_character_of_its_own() -> None:
    alphabet = byte_alphabet()
    assert len(set(alphabet.values())) == 256
    assert alphabet[ord("a")] == "a"
    # GPT-2's: the 33rd byte that is not printable is the space.
    assert alphabet[ord(" ")] == "Ġ"
    assert alphabet[ord("\n")] == "Ċ"


def test_a_blank_belongs_to_the_word_after_it() -> None:
    assert words_in("ab ab, 12") == Counter({
        ("a", "b"): 1, ("Ġ", "a", "b"): 1, (",",): 1, ("Ġ", "1", "2"): 1,
    })  # fmt: skip


def test_pairs_join_from_the_left() -> None:
    assert merged(("a", "a", "a"), ("a", "a")) == ("aa", "a")
    assert merged(("a", "b", "c"), ("x", "y")) == ("a", "b", "c")


def test_the_most_frequent_pair_is_learned_first_and_equals_by_name() -> None:
    # "ab" three times and "cd" twice; then both pairs with a blank: once each.
    learned = train("ab ab ab cd cd", 10)
    assert learned[:2] == [("a", "b"), ("c", "d")]
    assert learned[2:] == [("Ġ", "ab"), ("Ġ", "cd")]
    assert train("ab ab ab cd cd", 1) == [("a", "b")]


def test_ids_are_special_tokens_then_bytes_then_merges() -> None:
    tokens = vocabulary([("a", "b")], ["<end>"])
    assert (tokens[0], tokens[1], tokens[-1], len(tokens)) == ("<end>", "Ā", "ab", 258)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(codec="ascii"), max_size=60), st.integers(0, 20))
def test_merges_never_change_the_text(text: str, merges: int) -> None:
    words = list(words_in(text))
    for pair in train(text, merges):
        words = [merged(word, pair) for word in words]
    assert {"".join(word) for word in words} == {"".join(word) for word in words_in(text)}
