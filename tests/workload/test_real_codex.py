"""The real Codex rollouts and the real pi session, against figures measured on them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.workload.inspect import inspect_captures
from autotune.workload.load import load_workload
from autotune.workload.model import Session
from autotune.workload.writer import write_capture

SHARED = Path(__file__).resolve().parents[3] / "shared" / "captures"


@pytest.fixture
def real() -> Path:
    """The folder of real captures; the test is skipped where it is not."""
    if not SHARED.is_dir():
        pytest.skip("the real captures are not here")
    return SHARED


def only(folder: Path, pattern: str) -> tuple[Path, Session]:
    (path,) = folder.glob(pattern)
    (session,) = load_workload(path).sessions
    return path, session


@pytest.mark.parametrize(
    ("pattern", "turns", "first", "deepest", "growth", "reply", "share"),
    [
        ("codex/codex-gpt55*", 47, 27196, 81429, 416, 260, 0.988),
        ("codex/codex-gpt56*", 81, 22006, 157558, 589, 174, 0.987),
    ],
)
def test_rollouts(
    real: Path,
    pattern: str,
    turns: int,
    first: int,
    deepest: int,
    growth: int,
    reply: int,
    share: float,
) -> None:
    path, session = only(real, pattern)
    depths = [turn.recorded.prompt_tokens or 0 for turn in session.turns]
    assert (len(depths), depths[0], max(depths)) == (turns, first, deepest)
    report = inspect_captures(path)
    assert report.damage == ()
    assert report.growth_p50_tokens == pytest.approx(growth, abs=1)
    assert report.reply_p50_tokens == pytest.approx(reply, abs=1)
    assert report.cached_share_p50 == pytest.approx(share, abs=0.001)
    assert report.append_only_share == 1.0
    assert report.missing["tools"] == turns


@pytest.mark.parametrize(
    ("pattern", "first", "deepest"),
    [("codex/codex-gpt55*", 10977, 53280), ("codex/codex-gpt56*", 20994, 117547)],
)
def test_what_can_be_rebuilt_is_below_what_was_recorded(
    real: Path, pattern: str, first: int, deepest: int
) -> None:
    """The figures measured by hand count tools that the model is told of only when it searches."""
    _, session = only(real, pattern)
    chars = [sum(len(str(m)) for m in turn.messages) // 4 for turn in session.turns]
    recorded = [turn.recorded.prompt_tokens or 0 for turn in session.turns]
    assert 0.6 * first < chars[0] < recorded[0]
    assert 0.95 * deepest < max(chars) < max(recorded)


def test_time_to_first_token_of_a_task_with_one_request(real: Path) -> None:
    _, session = only(real, "codex/codex-gpt56*")
    assert [(t.index, t.recorded.ttft_ms) for t in session.turns if t.recorded.ttft_ms] == [
        (71, 14555.0)
    ]


def test_pi(real: Path) -> None:
    path, session = only(real, "pi/*.jsonl")
    counted = [t for t in session.turns if t.recorded.prompt_tokens is not None]
    depths = [turn.recorded.prompt_tokens or 0 for turn in counted]
    assert (len(session.turns), len(counted)) == (453, 439)
    assert (depths[0], max(depths)) == (1687, 177604)
    failed = [turn for turn in session.turns if "error" in turn.origin]
    assert len(failed) == 22
    report = inspect_captures(path)
    assert report.growth_p50_tokens == pytest.approx(240, abs=5)
    assert report.cached_share_p50 == pytest.approx(0.997, abs=0.001)
    assert report.damage == ()


@pytest.mark.parametrize("pattern", ["codex/*.jsonl", "pi/*.jsonl"])
def test_the_way_through_capture_1(real: Path, tmp_path: Path, pattern: str) -> None:
    for path in sorted(real.glob(pattern)):
        workload = load_workload(path)
        write_capture(workload.sessions, tmp_path / path.stem)
        back = load_workload(tmp_path / path.stem)
        assert back.sessions == workload.sessions
        assert back.digest == workload.digest
