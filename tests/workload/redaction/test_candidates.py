from __future__ import annotations

import json
from itertools import islice

import pytest

from autotune.workload.redaction.candidates import candidates
from autotune.workload.redaction.rules import Style
from autotune.workload.redaction.units import core_of, is_empty, units_of
from autotune.workload.redaction.vocabulary import BY_LENGTH, VOCABULARY


def shape(text: str) -> str:
    return "".join(
        "9" if c.isdigit() else "a" if c.islower() else "A" if c.isupper() else c for c in text
    )


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize(
    "value", ["sk-ant-Ab3_x", "alice", "Ada.Love-2", "f00dbabe42", "jörg", "Ω-1", "x"]
)
def test_tight_candidates_keep_the_shape(value: str, style: Style) -> None:
    for made in islice(candidates(value, style, b"s"), 30):
        assert shape(made) == shape(value) or style is Style.ADDRESS
        assert len(made.encode()) == len(value.encode())


def test_the_same_arguments_give_the_same_candidates() -> None:
    def first(salt: bytes, value: str = "alice") -> list[str]:
        return list(islice(candidates(value, Style.NAME, salt), 5))

    assert first(b"s") == first(b"s")
    assert first(b"s") != first(b"t")
    assert [made.lower() for made in first(b"s", "ALICE")] == first(b"s")


def test_hexadecimal_stays_so() -> None:
    for made in islice(candidates("0f3a9b7c-12de", Style.SECRET, b"s"), 20):
        int(made.replace("-", ""), 16)


def test_addresses_stay_addresses() -> None:
    for made in islice(candidates("7.199.23", Style.ADDRESS, b"s"), 50):
        assert all(int(part) <= 255 for part in made.split("."))


@pytest.mark.parametrize(
    "value", ['a\\"b', "line\\none", "x\\u00fcy", "tab\\t\\\\z", "%2Fa%20b", "12345678"]
)
def test_escapes_stay_valid(value: str) -> None:
    for made in islice(candidates(value, Style.NAME, b"s"), 30):
        assert len(json.loads(f'"{made}"')) == len(json.loads(f'"{value}"'))
        assert made.count("%") == value.count("%")


def test_percent_escapes_of_letters_go() -> None:
    for made in islice(candidates("%41%5a%c3%bc%2F", Style.NAME, b"s"), 30):
        parts = made.split("%")[1:]
        assert parts[0] != "41"
        assert parts[1] != "5A"
        assert parts[2].lower() == "c3"
        assert 0x80 <= int(parts[3], 16) < 0xC0
        assert parts[4] == "2F"


def test_numbers_stay_numbers() -> None:
    assert all(json.loads(made) for made in islice(candidates("1029", Style.SECRET, b"s"), 50))


def test_loose_candidates_come_in_other_lengths() -> None:
    made = list(islice(candidates("alice", Style.NAME, b"s", loose=True), 800))
    assert {len(word) for word in made[:64]} == {5}
    assert len({len(word) for word in made}) > 5


def test_a_letter_without_neighbours_is_refused() -> None:
    with pytest.raises(ValueError, match="no letter"):
        next(candidates("᧚", Style.NAME, b"s"))


def test_units_tell_what_stays() -> None:
    assert [unit.char for unit in units_of("a\\n%41%2F\\u00dcZ")] == ["a", "", "A", "", "Ü", "Z"]
    assert is_empty("\\n-%2F")
    assert not is_empty("%41")
    assert core_of(units_of("A-b_\\u00DC")) == "abü"


def test_the_vocabulary_is_plain() -> None:
    assert all(word.isascii() and word.isalpha() and word.islower() for word in VOCABULARY)
    assert set(range(2, 10)) <= BY_LENGTH.keys()
