from __future__ import annotations

import pytest

from autotune.workload.redaction.pseudonyms import Pseudonyms, UnprocessableError
from autotune.workload.redaction.rules import Style


def test_one_value_has_one_pseudonym_and_no_two_share_one() -> None:
    book = Pseudonyms(b"s")
    values = [f"{a}{b}" for a in "abcdefgh" for b in "abcdefgh"]
    made = [book.of(value, "word", Style.NAME) for value in values]
    assert made == [book.of(value, "word", Style.NAME) for value in values]
    assert len(set(made)) == len(values)
    assert not set(made) & set(values[:1])


def test_values_that_are_known_never_become_pseudonyms() -> None:
    book = Pseudonyms(b"s")
    book.reserve(str(digit) for digit in range(1, 9))
    assert book.of("1", "word", Style.NAME) == "9"


def test_what_is_to_be_avoided() -> None:
    book = Pseudonyms(b"s", avoid=lambda made: "e" in made)
    assert "e" not in book.of("secret", "word", Style.NAME)


def test_another_pseudonym_when_the_first_will_not_do() -> None:
    book = Pseudonyms(b"s")
    first = book.of("alice", "word", Style.NAME)
    book.reissue(["alice"])
    assert book.issued["alice"] != first
    assert list(book.pseudonyms) == [book.issued["alice"]]


@pytest.mark.parametrize("value", ["----", "᧚"])
def test_what_cannot_be_replaced_stops_everything(value: str) -> None:
    with pytest.raises(UnprocessableError) as raised:
        Pseudonyms(b"s").of(value, "word", Style.NAME)
    assert value not in raised.value.message
    assert "--without word" in raised.value.hint


def test_no_pseudonym_left() -> None:
    book = Pseudonyms(b"s", fits=lambda value, made: False)
    with pytest.raises(UnprocessableError, match="token count"):
        book.of("alice", "word", Style.NAME)
