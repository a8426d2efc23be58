"""YAML reads back what was written."""

from __future__ import annotations

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from autotune.export.yaml_text import Block, dump, plain

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


@given(TEXTS)
@example("on")
@example("\x85")
@example("a\u2028b ")
@example("0.90")
@example("1_000")
@example("12:30:45")
@example("null")
@example("- a: #b")
def test_a_text_stays_that_text(text: str) -> None:
    assert yaml.safe_load(dump({"a": {text: [text]}})) == {"a": {text: [text]}}


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS))
def test_a_word_read_back_is_the_word(value: float | str) -> None:
    word = str(value)
    assert str(yaml.safe_load(dump({"k": plain(word)}))["k"]) == word


def test_only_what_is_written_so_is_a_number() -> None:
    assert [plain(w) for w in ("8", "0.9")] == [8, 0.9]
    assert [plain(w) for w in ("08", "0.90", "1_0", "nan", "1e3")] == [
        "08",
        "0.90",
        "1_0",
        "nan",
        "1e3",
    ]


def test_lines_are_a_block() -> None:
    text = dump({"cmd": Block("a\nb 'c'\n")})
    assert text == "cmd: |\n  a\n  b 'c'\n"
