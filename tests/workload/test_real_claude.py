"""Real transcripts and traces, against figures that were measured on them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.workload.inspect import inspect_captures
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, PromptFidelity, Session
from autotune.workload.writer import write_capture

SHARED = Path(__file__).resolve().parents[3] / "shared" / "captures"


def real(pattern: str) -> Path:
    """The one file that `pattern` names; the test is skipped where it is not."""
    found = sorted(SHARED.glob(pattern))
    if not found:
        pytest.skip("the real captures are not here")
    return found[0]


def only_session(path: Path) -> Session:
    workload = load_workload(path)
    assert workload.damage == ()
    (session,) = workload.sessions
    return session


@pytest.mark.parametrize(
    ("pattern", "turns", "first", "deepest"),
    [
        ("claude-code/cc-2026-01-*", 20, 148290, 154719),
        ("claude-code/cc-fable5-*", 38, 32739, 108130),
        ("promptreplay/sample-trace*", 30, 20155, 92651),
    ],
)
def test_turns_and_depths(pattern: str, turns: int, first: int, deepest: int) -> None:
    session = only_session(real(pattern))
    depths = [turn.recorded.prompt_tokens or 0 for turn in session.turns]
    assert (len(depths), depths[0], max(depths)) == (turns, first, deepest)
    assert session.parent is None


@pytest.mark.parametrize(
    ("pattern", "cached", "growth", "reply"),
    [
        ("claude-code/cc-fable5-*", 0.989, 1008, 362.0),
        ("promptreplay/sample-trace*", 0.993, 946, 299.0),
    ],
)
def test_measured_figures(pattern: str, cached: float, growth: int, reply: float) -> None:
    report = inspect_captures(real(pattern))
    assert report.cached_share_p50 == pytest.approx(cached, abs=0.002)
    assert report.growth_p50_tokens == pytest.approx(growth, abs=80)
    assert report.reply_p50_tokens == pytest.approx(reply, abs=30)
    assert report.append_only_share == 1.0


def test_one_prompt_breaks_its_prefix_at_the_compaction() -> None:
    session = only_session(real("claude-code/cc-2026-01-*"))
    assert {turn.index: turn.boundary for turn in session.turns if turn.boundary} == {
        0: Boundary.RESUME,
        10: Boundary.COMPACTION,
    }
    missing = [turn.fidelity.missing for turn in session.turns]
    assert ["history" in lacking for lacking in missing] == [True] * 10 + [False] * 10


def test_a_transcript_is_rebuilt_and_says_what_it_lacks() -> None:
    session = only_session(real("claude-code/cc-fable5-*"))
    assert {turn.boundary for turn in session.turns} == {None}
    assert {turn.fidelity.prompt for turn in session.turns} == {PromptFidelity.REBUILT}
    lacking = session.turns[-1].fidelity.missing
    assert lacking == ("system", "tools", "attachments", "thinking")


@pytest.mark.parametrize("pattern", ["claude-code/cc-fable5-*", "promptreplay/sample-trace*"])
def test_replies_come_back_in_the_next_prompt(pattern: str) -> None:
    session = only_session(real(pattern))
    for before, after in zip(session.turns, session.turns[1:], strict=False):
        assert after.keep == len(before.messages)
        assert before.response == after.messages[after.keep]


@pytest.mark.parametrize("pattern", ["claude-code/cc-*", "promptreplay/sample-trace*"])
def test_every_call_has_its_result(pattern: str) -> None:
    for path in sorted(SHARED.glob(pattern)) or [real(pattern)]:
        for turn in only_session(path).turns:
            called = [c["id"] for m in turn.messages for c in m.get("tool_calls", ())]
            answered = [m["tool_call_id"] for m in turn.messages if m["role"] == "tool"]
            assert sorted(called) == sorted(answered)


@pytest.mark.parametrize("pattern", ["claude-code/cc-*", "promptreplay/sample-trace*"])
def test_the_way_through_capture_1(pattern: str, tmp_path: Path) -> None:
    for path in sorted(SHARED.glob(pattern)) or [real(pattern)]:
        workload = load_workload(path)
        write_capture(workload.sessions, tmp_path / "out.jsonl", force=True)
        back = load_workload(tmp_path / "out.jsonl")
        assert back.sessions == workload.sessions
        assert back.digest == workload.digest
