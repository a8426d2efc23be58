"""What the recorder measures next, and what a shelf holds when it was killed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from factorial_recorder import Recorder
from factorial_shelf import Shelf
from formula import SPACE, FormulaMeasurer, plan_of

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.replay.planning import part
from autotune.scoring.contaminated import MARK
from autotune.scoring.objective import Objective
from autotune.search.factorial import FactorialFolder, configurations, measuring_order
from autotune.trial.measurement import Measurement, RecordSink
from autotune.trial.recorded_rows import ANCHOR, recorded_trials

PLAN = plan_of(turns=4)
RUNGS = {"whole": PLAN, "deep": part(PLAN, [("s0", 2), ("s0", 3)])}


@dataclass
class Machine(FormulaMeasurer):
    """Slower by `slower` from one launch to another, disturbed in those of `disturbed`."""

    slower: Callable[[int], float] = lambda _: 1.0
    disturbed: tuple[int, ...] = ()
    dies_at: int | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)

    def measure(
        self, candidate: Candidate, plan: ReplayPlan, *, sink: RecordSink, **more: Any
    ) -> Measurement:
        launch = len(self.asked)
        self.asked.append((more["arm"], len(plan.turns)))
        seen: list[TurnRecord] = []

        def take(record: TurnRecord) -> None:
            if launch == self.dies_at and seen:
                raise KeyboardInterrupt
            ttft_s = (record.ttft_s or 0.0) * self.slower(launch)
            mark = MARK if launch in self.disturbed else None
            seen.append(replace(record, ttft_s=ttft_s, wall_s=ttft_s + 0.45, mark=mark))
            sink(seen[-1])

        found = super().measure(candidate, plan, sink=take, **more)
        return replace(found, records=tuple(seen))


def record(path: Path, machine: Machine, most: int | None = None, **more: Any) -> dict[str, Any]:
    shelf = Shelf(FactorialFolder(path))
    recorder = Recorder(
        shelf=shelf, space=SPACE, rungs=more.pop("rungs", RUNGS), objective=Objective.TURN,
        measurer=machine, anchor_every=more.pop("anchor_every", 10), looks=more.pop("looks", 1),
        seed=0, cores=2, say=lambda _: None,
    )  # fmt: skip
    with shelf:
        told = recorder.run(most)
    if told["left"] == 0:
        shelf.pack()
    return told


def test_every_combination_is_one_configuration() -> None:
    # 4 batches, 3 thread counts, and no drafts or drafts of either length: 4 * 3 * (1 + 2).
    assert len(configurations(SPACE)) == 36
    order = measuring_order(SPACE, seed=0)
    assert order[0] == {"batch-size": 512, "threads": 2, "spec-type": "none"}
    assert len({Candidate(s).key for s in order}) == 36
    assert order == measuring_order(SPACE, seed=0) != measuring_order(SPACE, seed=1)


def test_all_at_one_rung_then_at_the_next_with_the_default_between(tmp_path: Path) -> None:
    machine = Machine()
    told = record(tmp_path, machine)
    assert (told["configurations"], told["measured"], told["left"]) == (36, 36, 0)
    turns = [count for arm, count in machine.asked if not arm.startswith("anchor")]
    assert turns == [8] * 36 + [2] * 36
    # The default's trial is the first look; then one after every ten launches, and at the end.
    anchors = [arm for arm, _ in machine.asked if arm.startswith("anchor")]
    assert anchors == [f"anchor-{n:04d}" for n in (10, 20, 30, 40, 50, 60, 70, 71)]
    assert told["anchors"] == 8
    assert told["anchors_disagreed"] == told["measured_again"] == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["trials.jsonl", "turns.jsonl.gz"]
    folder = FactorialFolder(tmp_path)
    trials = recorded_trials(folder.rows(), folder.turns())
    assert len(trials) == 72 + 8
    assert all(len(t.records) in {2, 8} for t in trials)


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    first = record(tmp_path, Machine(), most=5)
    assert first["left"] == 67
    killed = Machine(dies_at=2)
    with contextlib.suppress(KeyboardInterrupt):
        record(tmp_path, killed)
    arms = [r.arm for r in FactorialFolder(tmp_path).rows() if r.label != ANCHOR]
    assert arms == [f"trial-{n:04d}" for n in range(7)]
    last = Machine()
    told = record(tmp_path, last)
    assert told["left"] == 0
    # Trial 7 was killed after a turn: it is measured again from its beginning.
    assert last.asked[0] == ("trial-0007", 8)
    turns = list(FactorialFolder(tmp_path).turns())
    assert sum(r.arm == "trial-0007" for r in turns) == 8
    assert sum(r.arm == "trial-0007~9" for r in turns) == 1
    again = record(tmp_path, last)
    assert again["left"] == 0
    assert again["anchors"] == told["anchors"]


def test_what_was_disturbed_is_measured_again_at_once(tmp_path: Path) -> None:
    machine = Machine(disturbed=(3,))
    told = record(tmp_path, machine, most=6)
    assert [arm for arm, _ in machine.asked[3:5]] == ["trial-0003", "trial-0003"]
    assert told["disturbed"]["again"] == 1
    assert told["disturbed"]["kept_turns"] == 0


def test_trials_between_anchors_that_disagree_are_measured_again(tmp_path: Path) -> None:
    # Slower by a half from the 15th launch on, which is trial 12: between anchors 10 and 15.
    machine = Machine(slower=lambda launch: 1.5 if launch >= 14 else 1.0)
    told = record(tmp_path, machine, rungs={"whole": PLAN}, anchor_every=5)
    labels = [r.label for r in FactorialFolder(tmp_path).rows() if r.label.endswith("drift")]
    assert told["anchors_disagreed"] == 1
    assert labels == [f"again: trial-{n:04d} after drift" for n in range(11, 16)]
    # The floor is learnt from the anchors: one jump stands out once there are enough of them.
    assert [arm for arm, _ in machine.asked].index("anchor-0035") > 36


def test_further_looks_are_of_the_whole_plan(tmp_path: Path) -> None:
    machine = Machine()
    told = record(tmp_path, machine, anchor_every=0, looks=2)
    assert [count for _, count in machine.asked] == [8] * 36 + [2] * 36 + [8] * 36
    assert (told["left"], told["anchors"]) == (0, 0)
    labels = [r.label for r in FactorialFolder(tmp_path).rows()]
    assert labels[0] == "default"
    assert labels[72:] == ["look 2"] * 36
