"""The same block is the same words, wherever it stands."""

from __future__ import annotations

from array import array

from autotune.workload.filler import filler
from autotune.workload.traces.layout import opening
from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.text import TraceText

ROWS = [
    TraceRow(1, 40, full=array("q", [1, 2]), partial=9),
    TraceRow(2, 40, full=array("q", [1, 3])),
    TraceRow(3, 40, full=array("q", [1, 3])),
]


def words(scope: str, index: int) -> list[str]:
    text = TraceText(scope, 16, ROWS)
    spans = opening(40, 16, index)
    return [text.message(span)["content"] for span in spans]


def test_a_message_is_the_words_of_its_positions() -> None:
    system, user = words("t", 0)
    assert system.split() == filler("t/1", 16).split()[3:14]
    assert user.split() == filler("t/2", 16).split()[3:] + filler("t/part/9", 8).split()[:3]
    assert system[0] == user[0] == " "
    assert "  " not in user


def test_what_is_not_hashed_belongs_to_the_request() -> None:
    second, third = words("t", 1), words("t", 2)
    assert second[0] == third[0] == words("t", 0)[0]
    assert second[1].split()[:13] == third[1].split()[:13]
    assert second[1].split()[13:] == filler("t/request/2/0", 16).split()[:3]
    assert second[1] != third[1]


def test_another_scope_is_other_text() -> None:
    assert words("t", 0)[0] != words("u", 0)[0]
