"""The default measured again and again: what it costs, what it finds, what is measured again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from formula import Bench, FormulaMeasurer, plan_of, ttft_of
from steady import SteadyBench

from autotune.candidate import Setting
from autotune.records import TurnRecord
from autotune.scoring.contaminated import MARK
from autotune.scoring.objective import Objective
from autotune.search.anchor import Drift, Look, anchor_name, drift, is_anchor, looks_of
from autotune.search.events import AnchorMeasured
from autotune.search.ledger import arm_name
from autotune.trial.measurement import TrialSeconds
from autotune.trial.recorded import RecordedMeasurer, RecordedTrial


def look(after: int, *seconds: float) -> Look:
    return Look(after, {("s", at): value for at, value in enumerate(seconds)}, 1.0)


def test_drift_is_the_median_log_ratio_with_its_error() -> None:
    found = drift(look(0, 1, 1, 1, 1, 1), look(5, 1.1, 1.1, 1.2, 1.0, 1.1))
    assert found.shift == pytest.approx(math.log(1.1))
    # Deviations 0, 0, log(1.2/1.1), log(1.1), 0: their median is 0, and so is the error.
    assert found.error == 0.0
    wide = drift(look(0, 1, 1, 1, 1), look(5, 1.0, 1.1, 1.3, 1.4))
    logs = sorted(math.log(x) for x in (1.0, 1.1, 1.3, 1.4))
    middle = (logs[1] + logs[2]) / 2
    away = sorted(abs(x - middle) for x in logs)
    spread = 1.4826 * (away[1] + away[2]) / 2
    assert wide.error == pytest.approx(1.2533 * spread / 2)


def test_too_few_turns_say_nothing() -> None:
    found = drift(look(0, 1, 1, 1), look(5, 2, 2, 2))
    assert (found.shift, found.turns) == (None, 3)
    assert not found.disagrees(0.01)


def test_looks_disagree_beyond_the_floor_and_beyond_chance() -> None:
    assert Drift(0, 5, 0.10, 0.01, 12).disagrees(0.05)
    assert Drift(0, 5, -0.10, 0.01, 12).disagrees(0.05)
    assert not Drift(0, 5, 0.04, 0.01, 12).disagrees(0.05)
    assert not Drift(0, 5, 0.10, 0.06, 12).disagrees(0.05)


def record(arm: str, at: int, **more: Any) -> TurnRecord:
    return TurnRecord(
        arm=arm, block=0, order=at, session_id="s", turn=at, started_at="",
        asked_output_tokens=10, output_tokens=10, ttft_s=1.0, decode_tps=10.0, wall_s=2.0, **more,
    )  # fmt: skip


def test_looks_are_read_back_from_the_turn_log() -> None:
    records = [record(arm_name(0), at) for at in range(3)]
    records += [record(anchor_name(11), 0), record(anchor_name(5), 0)]
    records += [record(anchor_name(5), 0, mark=MARK), record(arm_name(3), 0)]
    records += [record(anchor_name(5), 1, failure="crash")]
    found = looks_of(records, 0, Objective.TURN)
    assert [(one.after, len(one.seconds), one.turns_s) for one in found] == [
        (0, 3, 6.0), (5, 1, 6.0), (11, 1, 2.0),
    ]  # fmt: skip
    assert found[0].seconds[("s", 0)] == 2.0  # 1 s, and 10 tokens at 10 tok/s


def test_a_look_is_of_clean_turns_while_there_are_enough() -> None:
    clean = [record(arm_name(0), at) for at in range(5)]
    (seen,) = looks_of([*clean, record(arm_name(0), 5, mark=MARK)], 0, Objective.TURN)
    assert len(seen.seconds) == 5
    loud = [record(arm_name(0), at, mark=MARK) for at in range(9)]
    (seen,) = looks_of([*loud, record(arm_name(0), 9)], 0, Objective.TURN)
    assert len(seen.seconds) == 10


class Machine:
    """Slower from the trial (or anchor) on whose count is `at`; back to what it was at `until`."""

    def __init__(self, at: int | None, until: int = 999, by: float = 1.4) -> None:
        self.measurer = FormulaMeasurer(scale=self._scale)
        self.at, self.until, self.by = at, until, by

    def _scale(self, settings: Mapping[str, Setting]) -> float:
        now = len(self.measurer.measured)
        slow = self.at is not None and self.at <= now < self.until
        return ttft_of(settings) * (self.by if slow else 1.0)


def labels_of(bench: Bench, machine: Machine, trials: int = 14) -> list[str]:
    return [e.label for e in bench.run(machine.measurer, trials).measured]


def test_an_anchor_stands_between_every_five_trials_and_ends_early(tmp_path: Path) -> None:
    bench = SteadyBench(tmp_path, plan=plan_of(2, 10))
    machine = Machine(None)
    labels = labels_of(bench, machine)
    arms = [arm for arm, _ in machine.measurer.arms]
    anchors = [arm for arm in arms if is_anchor(arm)]
    # One right after the default for the floor, whole; then they are short.
    assert anchors[0] == anchor_name(0) == arms[1]
    assert len(anchors) >= 2
    turns = [r.arm for r in bench.folder.read_turns()]
    assert turns.count(anchors[0]) == 20
    assert all(turns.count(arm) == 12 for arm in anchors[1:])
    gaps = [arms.index(b) - arms.index(a) for a, b in pairwise(anchors)]
    assert all(gap > 5 for gap in gaps)
    assert not [label for label in labels if label.endswith("after drift")]
    assert len(labels) == 14  # anchors are no trials


def test_without_drift_only_looks_that_luck_cannot_explain_are_left_out(tmp_path: Path) -> None:
    plain = Bench(tmp_path / "plain", plan=plan_of(2, 10)).run(FormulaMeasurer(), 14)
    bench = SteadyBench(tmp_path / "steady", plan=plan_of(2, 10))
    ledger = bench.run(FormulaMeasurer(), 14)
    before = next(n for n, e in enumerate(plain.entries) if e.label.startswith("again: "))
    assert [(e.label, e.key, e.value) for e in ledger.entries[:before]] == [
        (e.label, e.key, e.value) for e in plain.entries[:before]
    ]
    # Nothing that was stopped here is within 5% of the best one.
    assert not any(e.label.startswith("again: ") for e in ledger.entries)


def test_trials_between_two_looks_that_disagree_are_measured_again(tmp_path: Path) -> None:
    bench = SteadyBench(tmp_path, plan=plan_of(2, 10))
    ledger = bench.run(Machine(4).measurer, 16)
    told = [e for e in bench.events if isinstance(e, AnchorMeasured) and e.disagrees]
    assert len(told) == 1
    assert told[0].shift is not None
    assert told[0].shift > 0.2  # 40% more to the first token, nothing on the decode
    assert told[0].doubtful
    again = [e for e in ledger.measured if e.is_after_drift]
    assert again
    # What ranks first was measured since, and is worth what it was then.
    best = ledger.best
    assert best is not None
    assert best.number > told[0].after or ledger.looks(best.key)[0].number > told[0].after
    for entry in again:
        earlier = int(entry.label.split("trial-")[1].split()[0])
        assert earlier <= told[0].after
        assert ledger.entries[earlier].key == entry.key
    # Each once.
    assert len({e.key for e in again}) == len(again)


def test_a_machine_that_never_holds_still_does_not_use_up_the_search(tmp_path: Path) -> None:
    measurer = FormulaMeasurer()

    def scale(settings: Mapping[str, Setting]) -> float:
        return ttft_of(settings) * (1.0 + 0.5 * ((len(measurer.measured) // 4) % 2))

    measurer.scale = scale
    ledger = SteadyBench(tmp_path, plan=plan_of(2, 10)).run(measurer, 24)
    again = [e for e in ledger.measured if e.is_after_drift]
    assert len(again) <= 5 + 0.25 * 24
    assert len(ledger.measured) == 24


def test_none_are_measured_where_none_are_wanted_or_the_time_is_short(tmp_path: Path) -> None:
    for name, more in (("none", {"every": 0}), ("short", {"limit_s": 5.0})):
        bench = SteadyBench(tmp_path / name, plan=plan_of(2, 10), **more)
        measurer = FormulaMeasurer()
        bench.run(measurer, 8)
        assert not any(is_anchor(arm) for arm, _ in measurer.arms), name


def test_a_study_that_goes_on_finds_its_anchors(tmp_path: Path) -> None:
    whole = SteadyBench(tmp_path / "whole", plan=plan_of(2, 10), kept=True)
    first = whole.run(Machine(4).measurer, 16)
    parted = SteadyBench(tmp_path / "parted", plan=plan_of(2, 10), kept=True)
    machine = Machine(4)
    parted.run(machine.measurer, 10)
    second = parted.run(machine.measurer, 16)
    arms = [{r.arm for r in b.folder.read_turns() if is_anchor(r.arm)} for b in (whole, parted)]
    assert arms[0] == arms[1]
    assert [(e.label, e.key) for e in first.entries] == [(e.label, e.key) for e in second.entries]


def test_recorded_values_with_a_drift_in_them(tmp_path: Path) -> None:
    """The same table of real-looking trials, told the truth or 40% slower from the sixth on."""
    source = Bench(tmp_path / "source", plan=plan_of(2, 10))
    known = source.run(FormulaMeasurer(), 20)
    turns = list(source.folder.read_turns())
    table = [
        RecordedTrial(
            e.settings, tuple(r for r in turns if r.arm == arm_name(e.number)), None, None,
            TrialSeconds(load_s=1.0, replay_s=9.0),
        )
        for e in known.measured
        if e.outcome == "complete"
    ]  # fmt: skip
    for drifts in (False, True):
        measurer = Drifting(RecordedMeasurer(table), after=6 if drifts else 10**6)
        bench = SteadyBench(tmp_path / str(drifts), plan=plan_of(2, 10))
        ledger = bench.run(measurer, 14, seed=3)
        assert any(e.is_after_drift for e in ledger.measured) is drifts
        rerun = SteadyBench(tmp_path / f"{drifts}-2", plan=plan_of(2, 10))
        again = rerun.run(Drifting(RecordedMeasurer(table), after=measurer.after), 14, seed=3)
        assert [(e.label, e.key, e.value) for e in ledger.entries] == [
            (e.label, e.key, e.value) for e in again.entries
        ]


class Drifting:
    """Another measurer's records, 1.4 times as slow from the measurement `after` on."""

    def __init__(self, inner: RecordedMeasurer, after: int) -> None:
        self.inner, self.after, self.count = inner, after, 0

    def measure(self, candidate: Any, plan: Any, *, sink: Any, **more: Any) -> Any:
        self.count += 1
        by = 1.4 if self.count > self.after else 1.0
        slower: list[TurnRecord] = []

        def take(record: TurnRecord) -> None:
            ttft_s = (record.ttft_s or 0) * by
            slower.append(replace(record, ttft_s=ttft_s, wall_s=ttft_s + 0.45))
            sink(slower[-1])

        found = self.inner.measure(candidate, plan, sink=take, **more)
        return replace(found, records=tuple(slower))
