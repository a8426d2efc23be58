from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.workload.depth import DepthBuckets
from autotune.workload.inspect import BucketReport, FileReport, SessionReport, inspect_captures
from autotune.workload.load import load_workload
from autotune.workload.model import Fidelity, PromptFidelity, Session
from autotune.workload.writer import write_capture


def test_a_fizeau_log(fixtures: Path) -> None:
    report = inspect_captures(fixtures / "fizeau-small.jsonl")
    assert report.files == (FileReport("fizeau-small.jsonl", "fizeau", 1, 5),)
    (session,) = report.sessions
    assert (session.turns, session.first_depth, session.max_depth) == (5, 1000, 1300)
    assert session.estimated_turns == 2
    assert report.growth_p50_tokens == 150.0  # 1000 -> 1200 -> (failed) -> 1300
    assert report.reply_p50_tokens == 20.0  # 20, 10, 30
    assert report.cached_share == 900 / 3500
    assert report.cached_share_p50 == 0.0  # 0, 0.75, 0
    assert report.cached_turns == 3
    assert report.append_only_share == 0.75
    assert report.failed_turns == 1
    assert report.boundaries == {"compaction": 1}
    assert report.fidelity == {"exact": 5}
    assert [d.kind for d in report.damage] == ["unanswered-request"]
    assert report.buckets[0] == BucketReport("0-10k", 5, 2, 0.625)  # 0.5 and 0.75


def test_a_capture(fixtures: Path) -> None:
    report = inspect_captures(fixtures / "capture-small.jsonl", DepthBuckets((100, 450)))
    assert report.sessions[1] == SessionReport("alpha", None, 3, 400, 460, 0)
    assert report.sessions[0].parent == "alpha"
    assert [(b.label, b.turns) for b in report.buckets] == [
        ("0-100", 2),
        ("100-450", 1),
        ("450+", 1),
    ]
    assert report.buckets[1].ttft_p50_s == 0.2
    assert report.buckets[2].ttft_p50_s is None
    assert report.growth_p50_tokens == 60.0
    assert report.cached_share == 400 / 860
    assert report.append_only_share == 0.5
    assert report.boundaries == {"subagent": 1, "compaction": 1}
    assert report.digest == load_workload(fixtures / "capture-small.jsonl").digest


def test_what_was_not_recorded_is_absent(
    tmp_path: Path, make_session: Callable[..., Session]
) -> None:
    made = make_session("a", [None], output_tokens=None, timestamp_ms=None)
    write_capture([made], tmp_path / "a.jsonl")
    report = inspect_captures(tmp_path / "a.jsonl")
    assert report.cached_share is None
    assert report.cached_share_p50 is None
    assert report.reply_p50_tokens is None
    assert report.growth_p50_tokens is None
    assert report.append_only_share is None
    assert report.estimated_turns == report.turns == 1


def test_what_is_missing_is_counted(tmp_path: Path, make_session: Callable[..., Session]) -> None:
    fidelity = Fidelity(PromptFidelity.PADDED, ("tools", "system"), 50)
    write_capture([make_session("a", [10, 20], fidelity=fidelity)], tmp_path / "a.jsonl")
    report = inspect_captures(tmp_path)
    assert report.fidelity == {"padded": 2}
    assert report.missing == {"tools": 2, "system": 2}
    assert report.pad_tokens == 100


def test_nothing_to_inspect(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing could be read"):
        inspect_captures(tmp_path)
