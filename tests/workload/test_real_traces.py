"""The real hash traces, against figures that were measured on them by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Session, Turn
from autotune.workload.writer import write_capture

SHARED = Path(__file__).resolve().parents[3] / "shared" / "captures"


def folder(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip("the real captures are not here")
    return SHARED / name


def depth(turn: Turn) -> int:
    assert turn.recorded.prompt_tokens is not None
    return turn.recorded.prompt_tokens


def rendered_words(turn: Turn) -> int:
    """Tokens of the prompt on ChatML, where each word is one."""
    words = sum(len(message["content"].split()) for message in turn.messages)
    return words + 5 * len(turn.messages) + 3


def kept_share(before: Turn, after: Turn) -> float:
    """How much of the prompt before the next one begins with, by words."""
    old = " ".join(m["content"] for m in before.messages).split()
    new = " ".join(m["content"] for m in after.messages).split()
    pairs = enumerate(zip(old, new, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(old), len(new))) / len(old)


@pytest.mark.parametrize(
    ("name", "turns", "first", "most", "growth", "reply", "broken"),
    [
        ("trace_0144.json", 29, 17_196, 122_790, 785.5, 464, 0),
        ("trace_0218.json", 33, 41_319, 149_047, 2606, 187, 1),
    ],
)
def test_weka(
    name: str, turns: int, first: int, most: int, growth: float, reply: int, broken: int
) -> None:
    workload = load_workload(folder("weka-kv-cache-tester") / name)
    assert (workload.damage, workload.formats) == ((), ("weka",))
    (session,) = workload.sessions
    depths = [depth(turn) for turn in session.turns]
    assert (len(depths), depths[0], max(depths)) == (turns, first, most)
    assert median(b - a for a, b in pairwise(depths)) == growth
    assert median(turn.output_tokens or 0 for turn in session.turns) == reply
    shares = [kept_share(a, b) for a, b in pairwise(session.turns)]
    assert sum(share < 0.9 for share in shares) == broken
    assert median(shares) == 1.0
    assert [rendered_words(turn) for turn in session.turns] == depths


def test_mooncake() -> None:
    workload = load_workload(folder("mooncake"))
    assert (workload.damage, workload.formats) == ((), ("mooncake",))
    turns = workload.turns
    assert len(turns) == 400
    by_line = sorted(turns, key=lambda turn: turn.origin["line"])
    assert depth(by_line[0]) == 6758
    assert max(map(depth, turns)) == 121_298
    assert [rendered_words(turn) for turn in turns] == [depth(turn) for turn in turns]


def test_mooncake_rows_that_go_on_are_threaded() -> None:
    """Lines 2 and 138 by hand: 7,322 tokens and a reply of 490, then 7,833 tokens."""
    sessions = load_workload(folder("mooncake")).sessions
    assert len(sessions) == 366
    lines = {turn.origin["line"]: session for session in sessions for turn in session.turns}
    thread: Session = lines[2]
    assert [turn.origin["line"] for turn in thread.turns] == [2, 138]
    second = thread.turns[1]
    assert (second.keep, second.boundary) == (2, None)
    assert len(second.messages[2]["content"].split()) == 490
    assert {session.turns[0].boundary for session in sessions} <= {None, Boundary.FORK}


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    workload = load_workload(folder("weka-kv-cache-tester"))
    write_capture(workload.sessions, tmp_path / "out")
    back = load_workload(tmp_path / "out")
    assert back.sessions == workload.sessions
    assert back.digest == workload.digest
