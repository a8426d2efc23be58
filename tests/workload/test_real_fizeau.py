"""The real logs, against figures that were measured on them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.workload.inspect import inspect_captures
from autotune.workload.load import load_workload
from autotune.workload.model import Workload
from autotune.workload.select import Selection, select
from autotune.workload.writer import write_capture


@pytest.fixture
def workload(real_fizeau: Path) -> Workload:
    return load_workload(real_fizeau)


def test_turns_and_depths(workload: Workload) -> None:
    assert workload.damage == ()
    depths = [[turn.recorded.prompt_tokens for turn in s.turns] for s in workload.sessions]
    assert [(len(d), d[0], d[-1]) for d in depths] == [(5, 5501, 17584), (14, 5463, 59151)]


def test_prompts_are_append_only_and_replies_come_back(workload: Workload) -> None:
    for session in workload.sessions:
        for before, after in zip(session.turns, session.turns[1:], strict=False):
            assert after.keep == len(before.messages)
            if before.response is not None:
                assert before.response == after.messages[after.keep]


@pytest.mark.parametrize(
    ("pattern", "growth", "reply", "estimate"),
    [("svc-17777*", 1469.5, 402.0, 4722), ("svc-17789*", 2134.5, 85.0, 4880)],
)
def test_measured_figures(
    real_fizeau: Path, pattern: str, growth: float, reply: float, estimate: int
) -> None:
    (path,) = real_fizeau.glob(pattern)
    report = inspect_captures(path)
    assert report.growth_p50_tokens == growth
    assert report.reply_p50_tokens == reply
    assert report.cached_share_p50 == 0.0
    assert report.append_only_share == 1.0
    (session,) = load_workload(path).sessions
    first = session.turns[0]
    chars = sum(len(m["content"]) for m in first.messages)
    assert chars // 4 < estimate < first.recorded.prompt_tokens


def test_seven_of_the_last_eight_turns_read_nothing_from_cache(workload: Workload) -> None:
    session = workload.sessions[1]
    assert [turn.recorded.cached_tokens for turn in session.turns[-8:]] == [8192, *[0] * 7]
    (failed,) = [turn for turn in session.turns if turn.response is None]
    assert failed.recorded.prompt_tokens is None
    assert "timeout" in failed.origin["error"]


def test_only_the_streamed_log_has_ttft(workload: Workload) -> None:
    streamed, whole = workload.sessions
    ttfts = [round(turn.recorded.ttft_ms or 0) for turn in streamed.turns]
    assert ttfts == [1678, 1446, 1497, 3639, 1379]
    assert {turn.recorded.ttft_ms for turn in whole.turns} == {None}


def test_truncation_for_a_small_context(workload: Workload) -> None:
    chosen, notes = select(workload, Selection(max_depth=30_000))
    assert [len(session.turns) for session in chosen.sessions] == [5, 3]
    assert notes.unreachable_turns == 11


def test_the_way_through_capture_1(workload: Workload, tmp_path: Path) -> None:
    write_capture(workload.sessions, tmp_path / "out")
    back = load_workload(tmp_path / "out")
    assert back.sessions == workload.sessions
    assert back.digest == workload.digest
    size = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert size < 100_000
