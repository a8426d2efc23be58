"""What a finished study tells of its space and its plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from formula import SPACE, Bench, FormulaMeasurer, plan_of

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.replay.plan import History
from autotune.search.recorded_study import (
    fixed_settings,
    keys_at_depth,
    plan_of_records,
    space_of_values,
    study_recording,
)
from autotune.study.folder import StudyFolder

FACTS = {
    "engine": "fake", "objective": "turn", "plan_digest": "digest", "depth": "0+",
    "history": "closed-loop",
}  # fmt: skip


def records() -> list[TurnRecord]:
    sunk: list[TurnRecord] = []
    settings = {"batch-size": 512, "threads": 2, "spec-type": "none"}
    FormulaMeasurer().measure(
        Candidate(settings), plan_of(), arm="trial-0000", block=0, sink=sunk.append
    )
    return sunk


def test_the_space_is_what_was_tried() -> None:
    default = {"batch": 512, "kind": "none"}
    tried = [
        default,
        {"batch": 1024, "kind": "ngram", "n": 12},
        {"batch": 128, "kind": "ngram", "n": 3},
        {"batch": 512, "kind": "map", "on": True},
    ]
    space = space_of_values(tried, default, "fake")
    batch, kind, n, switch = space.parameters
    assert (batch.choices, batch.default, batch.ordered) == ((128, 512, 1024), 512, True)
    assert (kind.choices, kind.ordered) == (("none", "ngram", "map"), False)
    assert (n.choices, n.default, n.requires) == ((3, 12), 3, {"kind": ("ngram",)})
    assert (switch.choices, switch.ordered, switch.requires) == ((True,), False, {"kind": ("map",)})


def test_what_all_trials_had_alike_is_fixed() -> None:
    rows = [
        ({"batch": 1}, {"batch": 1, "ctx": 4096, "mode": "a"}),
        ({"batch": 2}, {"batch": 2, "ctx": 4096, "mode": "b"}),
    ]
    assert fixed_settings(rows) == {"ctx": 4096}


def test_the_plan_has_the_turns_without_their_text() -> None:
    plan = plan_of_records(records(), "digest", History.RECORDED)
    assert [(p.order, p.turn.session_id, p.turn.index, p.output_tokens) for p in plan.turns] == [
        (0, "s0", 0, 10), (1, "s0", 1, 10), (2, "s1", 0, 10), (3, "s1", 1, 10),
    ]  # fmt: skip
    assert {p.turn.recorded.prompt_tokens for p in plan.turns} == {1000}
    assert (plan.digest, plan.concurrency) == ("digest", 1)


def test_the_scored_turns_are_those_at_the_studys_depth() -> None:
    depths = (500, 12_000, 9, 30_000)
    rows = [replace(r, depth_tokens=d) for r, d in zip(records(), depths, strict=True)]
    assert keys_at_depth(rows, "10-30k") == {("s0", 1)}
    assert len(keys_at_depth(rows, "0+")) == 4
    assert len(keys_at_depth(rows, "60-120k")) == 4


def test_a_study_is_read_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "study")
    ledger = bench.run(FormulaMeasurer(), 8)
    bench.folder.write_provenance(FACTS)
    found = study_recording(bench.folder)
    whole = [e for e in ledger.entries if e.outcome == "complete"]
    assert [t.name for t in found.trials] == [f"trial-{e.number:04d}" for e in whole]
    assert all(len(t.records) == 4 for t in found.trials)
    assert found.space.defaults == {**SPACE.defaults, **found.space.defaults}
    assert [len(run) for run in found.repeats] == [4]


def test_a_study_without_its_default_is_refused(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    folder.write_provenance(FACTS)
    with pytest.raises(UserError, match="has not measured its default"):
        study_recording(folder)
    with pytest.raises(UserError, match="not a study"):
        study_recording(StudyFolder(tmp_path / "none"))
