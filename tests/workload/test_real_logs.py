"""The real replay traces, against figures that were measured on them by hand."""

from __future__ import annotations

import itertools
import json
from itertools import zip_longest
from pathlib import Path
from statistics import median

import pytest

from autotune.workload.load import load_workload
from autotune.workload.model import PromptFidelity, Turn
from autotune.workload.writer import write_capture

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures" / "agentperf-local"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the real captures are not here")


def turns_of(name: str) -> tuple[Turn, ...]:
    workload = load_workload(FOLDER / name)
    assert workload.damage == ()
    assert workload.formats == ("agentperf",)
    (session,) = workload.sessions
    return session.turns


@pytest.mark.parametrize(
    ("name", "turns", "first", "deepest", "growth", "reply"),
    [
        ("django__django-14500.jsonl", 40, 1458, 16459, 336, 73.5),
        ("task_k8s_debugging.jsonl", 5, 6888, 8529, 470, 71),
    ],
)
def test_turns_depths_growth_and_replies(
    name: str, turns: int, first: int, deepest: int, growth: float, reply: float
) -> None:
    found = turns_of(name)
    depths = [turn.recorded.prompt_tokens or 0 for turn in found]
    assert (len(found), depths[0], max(depths)) == (turns, first, deepest)
    grown = [after - before for before, after in itertools.pairwise(depths)]
    assert median(grown) == pytest.approx(growth, abs=1)
    assert median(turn.output_tokens or 0 for turn in found) == pytest.approx(reply, abs=1)
    assert {turn.fidelity.prompt for turn in found} == {PromptFidelity.EXACT}
    assert {turn.boundary for turn in found} == {None}


def test_a_countdown_moves_along_the_end_of_every_prompt() -> None:
    found = turns_of("django__django-14500.jsonl")
    lost = [len(b.messages) - a.keep for b, a in itertools.pairwise(found)]
    assert set(lost) == {1}
    assert all(turn.response for turn in found[:-1])


def test_the_other_only_grows_and_idles_as_its_tools_did() -> None:
    found = turns_of("task_k8s_debugging.jsonl")
    assert all(a.keep == len(b.messages) for b, a in itertools.pairwise(found))
    assert sum(turn.delay_ms or 0.0 for turn in found) == pytest.approx(351.825774 - 70.468599)


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    workload = load_workload(FOLDER)
    assert len(workload.sessions) == 2
    write_capture(workload.sessions, tmp_path / "out")
    assert load_workload(tmp_path / "out").sessions == workload.sessions


def test_the_same_requests_without_any_id_make_the_same_sessions(tmp_path: Path) -> None:
    rows = [
        [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]
        for name in ("django__django-14500.jsonl", "task_k8s_debugging.jsonl")
    ]
    mixed = [row for pair in zip_longest(*rows) for row in pair if row]
    bodies = [{"model": "m", "messages": row["messages"], "tools": row["tools"]} for row in mixed]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f"{json.dumps(body)}\n" for body in bodies))
    workload = load_workload(path)
    assert workload.formats == ("openai-chat",)
    assert sorted(len(session.turns) for session in workload.sessions) == [5, 40]
    assert {turn.boundary for turn in workload.turns} == {None}
