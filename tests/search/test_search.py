"""The search: what is measured, in which order, what is never measured, what a kill costs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from formula import SPACE, Bench, FormulaMeasurer, plan_of, ttft_of

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import PlannedTurn
from autotune.search.events import TrialFinished, TrialStarted, TurnDone
from autotune.search.ledger import DUPLICATE, STOPPED, arm_name
from autotune.search.race import HOPELESS_PAIRS
from autotune.search.rungs import rungs_of
from autotune.search.search import MAX_REPEATS
from autotune.search.space import Parameter, Space
from autotune.study.storage import load_trials
from autotune.trial.measurement import TrialSeconds
from autotune.trial.recorded import RecordedMeasurer, RecordedTrial


def test_the_default_comes_first_then_each_start_on_top_of_what_won(bench: Bench) -> None:
    ledger = bench.run(FormulaMeasurer(), 6, policy="steps")
    labels = [e.label for e in ledger.measured]
    assert labels[:3] == ["default", "drafts", "small batch"]
    assert labels[3].startswith("step: ")
    assert ledger.measured[2].settings["batch-size"] == 128
    assert ledger.measured[2].settings["spec-type"] == "ngram"


def test_the_incumbent_comes_right_after_the_default(bench: Bench) -> None:
    ledger = bench.run(FormulaMeasurer(), 2, incumbent={"threads": 4})
    assert [e.label for e in ledger.measured] == ["default", "incumbent"]
    assert ledger.measured[1].settings["threads"] == 4


def test_the_best_of_a_small_space_is_found_and_the_count_is_kept(bench: Bench) -> None:
    ledger = bench.run(FormulaMeasurer(), 20)
    assert len(ledger.measured) == 20
    best = ledger.best
    assert best is not None
    assert best.settings["spec-type"] == "ngram"
    assert best.settings["batch-size"] == 128
    assert best.settings["threads"] == 2
    # TTFT (1 + 128/1024) / 2 times the median of 1.00 .. 1.03, and 10 tokens at 20 tok/s.
    assert best.value == pytest.approx(0.5625 * 1.015 + 0.5)


def test_equal_settings_are_measured_once(bench: Bench) -> None:
    measurer = FormulaMeasurer()
    ledger = bench.run(measurer, 20)
    keys = [e.key for e in ledger.measured if not e.label.startswith("again: ")]
    assert len(measurer.measured) == 20
    assert len(keys) == len(set(keys)) >= 19  # a second look is meant
    repeats = [e for e in ledger.entries if e.outcome == DUPLICATE]
    for repeat in repeats:
        known = ledger.find(repeat.key)
        assert known is not None
        assert repeat.value == known.value


def test_a_space_that_is_used_up_ends_the_search(bench: Bench) -> None:
    space = Space(
        "tiny",
        (
            Parameter("batch-size", (128, 512), 512, "batch size"),
            Parameter("threads", (2, 4), 2, "threads"),
        ),
        fixed={"spec-type": "none"},
    )
    ledger = bench.run(FormulaMeasurer(), 50, space=space)
    assert len(ledger.measured) == 4
    assert len(ledger.entries) <= 4 + 4 * MAX_REPEATS


def oom_above(limit: int) -> FormulaMeasurer:
    def fails(settings: Mapping[str, Setting]) -> Failure | None:
        if float(settings["batch-size"]) > limit:
            return Failure(FailureKind.OUT_OF_MEMORY, "cudaMalloc failed")
        return None

    return FormulaMeasurer(fails=fails)


def test_a_failure_is_a_constraint_and_never_a_score(bench: Bench) -> None:
    ledger = bench.run(oom_above(512), 12)
    failed = [e for e in ledger.measured if e.value is None]
    trials = load_trials(bench.folder)
    for entry in failed:
        trial = trials[entry.number]
        assert trial.state is optuna.trial.TrialState.PRUNED
        assert trial.values is None
        assert trial.system_attrs["constraints:feasible"] > 0
        assert entry.failure == "out-of-memory"
    assert all(e.settings["batch-size"] != 1024 for e in ledger.ranked)
    told = [e for e in bench.events if isinstance(e, TrialFinished) and e.failure]
    assert all(e.reason for e in told)


def test_more_than_what_ran_out_of_memory_is_refused_without_a_launch(bench: Bench) -> None:
    measurer = oom_above(256)
    # Which flags take memory is known by the engine's name.
    ledger = bench.run(measurer, 24, space=replace(SPACE, engine="llama-server"))
    failed = [s for s in measurer.measured if float(s["batch-size"]) > 256]
    refused = [e for e in ledger.entries if e.outcome == "refused"]
    # Whatever asked for less failed first; nothing launched later asks for at least as much.
    for later, settings in enumerate(failed):
        for earlier in failed[:later]:
            # Drafts of another length may take other memory, for all the engine's model knows.
            same = all(earlier.get(n) == settings.get(n) for n in ("spec-type", "spec-n"))
            assert not (same and float(settings["batch-size"]) >= float(earlier["batch-size"]))
    assert all(e.failure == "out-of-memory" for e in refused)


def test_nothing_that_fails_is_best_even_if_all_but_one_fail(bench: Bench) -> None:
    ledger = bench.run(oom_above(256), 8)
    assert ledger.best is not None
    assert float(ledger.best.settings["batch-size"]) <= 256


def test_events_come_in_order_and_count_the_turns(bench: Bench) -> None:
    bench.run(FormulaMeasurer(), 1)
    kinds = [type(e) for e in bench.events]
    assert kinds == [TrialStarted, *[TurnDone] * 4, TrialFinished]
    assert [e.done for e in bench.events if isinstance(e, TurnDone)] == [1, 2, 3, 4]


def test_a_polite_stop_ends_after_the_trial(bench: Bench) -> None:
    stop = threading.Event()

    def before(count: int) -> None:
        if count == 2:
            stop.set()

    ledger = bench.run(FormulaMeasurer(before=before), 10, stop=stop)
    assert len(ledger.measured) == 3


class Killed(BaseException):
    """Stands for Ctrl-C twice: passes every ``except Exception``."""


def test_a_trial_cut_short_is_run_again_as_it_was_and_nothing_else_is(bench: Bench) -> None:
    def before(count: int) -> None:
        if count == 4:
            raise Killed

    first = FormulaMeasurer(before=before)
    with pytest.raises(Killed):
        bench.run(first, 8)
    cut = load_trials(bench.folder)[4]
    again = FormulaMeasurer()
    ledger = bench.run(again, 8)
    assert len(first.measured) == 4
    assert len(again.measured) == 4
    retry = next(e for e in ledger.measured if e.number == 5)
    assert again.measured[0] == dict(retry.settings)
    assert load_trials(bench.folder)[5].params == cut.params
    assert load_trials(bench.folder)[4].state is optuna.trial.TrialState.FAIL


def test_going_on_builds_on_what_the_former_run_found(tmp_path: Path) -> None:
    whole = Bench(tmp_path / "whole").run(FormulaMeasurer(), 5)
    parted = Bench(tmp_path / "parted")
    parted.run(FormulaMeasurer(), 2)
    ledger = parted.run(FormulaMeasurer(), 5)
    assert [(e.label, e.key) for e in ledger.measured] == [(e.label, e.key) for e in whole.measured]


def test_a_trial_that_cannot_win_is_stopped_and_never_best(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan=plan_of(2, 10))
    ledger = bench.run(FormulaMeasurer(), 12)
    stopped = [e for e in ledger.measured if e.outcome == STOPPED]
    assert stopped
    best = ledger.best
    assert best is not None
    assert best.value is not None
    turns = list(bench.folder.read_turns())
    for entry in stopped:
        done = sum(r.arm == arm_name(entry.number) for r in turns)
        assert HOPELESS_PAIRS <= done < 20
        assert f"stopped after {done} of 20 turns" in str(entry.reason)
        # Told to the sampler as an estimate: the formula's own ratio to the best of its time.
        assert entry.value is not None
        assert entry.value >= best.value
        assert load_trials(bench.folder)[entry.number].values == [entry.value]
        assert entry not in ledger.ranked
    told = [e for e in bench.events if isinstance(e, TrialFinished) and e.stopped_early]
    assert [e.number for e in told] == [e.number for e in stopped]
    assert all(e.turn_s is None and e.failure is None and not e.is_best for e in told)


def test_a_study_that_goes_on_races_against_what_the_log_holds(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan=plan_of(2, 10))
    bench.run(FormulaMeasurer(), 3)
    again = bench.run(FormulaMeasurer(), 8)
    assert any(e.outcome == STOPPED for e in again.measured[3:])


def test_a_best_one_measured_in_a_fast_moment_does_not_end_the_search(tmp_path: Path) -> None:
    """The machine is half as fast again during the second trial, and only then."""
    measurer = FormulaMeasurer()

    def scale(settings: Mapping[str, Setting]) -> float:
        return ttft_of(settings) / (1.5 if len(measurer.measured) == 2 else 1.0)

    measurer.scale = scale
    ledger = Bench(tmp_path, plan=plan_of(2, 10)).run(measurer, 16)
    labels = [e.label for e in ledger.measured]
    first = labels.index("again: trial-0001")
    slow_s = ttft_of(ledger.measured[first].settings)
    # Better ones lost to the fast moment. Once the best has had its second look, one of them has
    # its own, and the others where that one does not prove to be as good.
    lost = [e for e in ledger.measured[:first] if e.outcome == STOPPED]
    better = [arm_name(e.number) for e in lost if ttft_of(e.settings) < 0.9 * slow_s]
    assert better
    looked = [at for at, label in enumerate(labels) if label.removeprefix("again: ") in better]
    assert looked
    assert min(looked) > first
    best = ledger.best
    assert best is not None
    # Drafts, the smallest batch, two threads.
    assert ttft_of(best.settings) == (1.0 + 128 / 1024) / 2


def test_a_full_disk_stops_the_study_and_loses_only_the_trial_under_way(
    bench: Bench, tmp_path: Path
) -> None:
    bench.run(FormulaMeasurer(), 2)
    good = bench.folder.turns_path.read_bytes()
    bench.folder.turns_path.unlink()
    bench.folder.turns_path.symlink_to("/dev/full")
    with pytest.raises(MachineError, match="disk is full"):
        bench.run(FormulaMeasurer(), 4)
    bench.folder.turns_path.unlink()
    bench.folder.turns_path.write_bytes(good)
    ledger = bench.run(FormulaMeasurer(), 4)
    assert len(ledger.measured) == 4
    arms = {r.arm for r in bench.folder.read_turns()}
    assert arms == {arm_name(e.number) for e in ledger.measured}


def recorded(bench: Bench) -> RecordedMeasurer:
    """A finished study as a table."""
    ledger = bench.run(oom_above(512), 16)
    turns = list(bench.folder.read_turns())
    return RecordedMeasurer(
        [
            RecordedTrial(
                settings=e.settings,
                records=tuple(r for r in turns if r.arm == arm_name(e.number)),
                failure=e.failure,
                reason=e.reason,
                seconds=TrialSeconds(replay_s=e.seconds),
            )
            for e in ledger.measured
            if e.outcome != STOPPED
        ]
    )


def test_two_studies_over_the_same_records_and_seed_try_the_same_trials(tmp_path: Path) -> None:
    table = recorded(Bench(tmp_path / "source"))
    runs = []
    for name in ("one", "two"):
        ledger = Bench(tmp_path / name).run(table, 15, seed=7)
        runs.append([(e.number, e.key, e.value, e.failure, e.label) for e in ledger.entries])
    assert runs[0] == runs[1]
    assert len(runs[0]) >= 15
    other = Bench(tmp_path / "three").run(table, 15, seed=8)
    assert [e.key for e in other.entries] != [row[1] for row in runs[0]]


def test_conditions_hold_in_every_trial(bench: Bench) -> None:
    measurer = FormulaMeasurer()
    bench.run(measurer, 20)
    for settings in measurer.measured:
        assert ("spec-n" in settings) == (settings["spec-type"] == "ngram")
    assert SPACE.parameter("spec-n").requires


def laddered(path: Path) -> Bench:
    """A bench over three long sessions, with the rungs of their plan."""
    plan = plan_of(3, 24)
    return Bench(path, plan=plan, rungs=rungs_of(plan))


def test_one_that_a_rung_drops_is_partial_and_never_best(tmp_path: Path) -> None:
    bench = laddered(tmp_path)
    ledger = bench.run(FormulaMeasurer(), 14)
    best = ledger.best
    assert best is not None
    assert (best.settings["spec-type"], best.settings["batch-size"]) == ("ngram", 128)
    left = [e for e in ledger.measured if e.rungs and e.rungs[-1]["verdict"] in ("dropped", "lost")]
    assert left
    for entry in left:
        assert entry.outcome == STOPPED
        assert entry not in ledger.ranked
        assert "left after the" in str(entry.reason)
        frozen = load_trials(bench.folder)[entry.number]
        assert frozen.user_attrs["outcome"] == STOPPED
        assert frozen.intermediate_values
    arms = {r.arm for r in bench.folder.read_turns()}
    assert {"trial-0000", "rung-0000"} <= arms
    # The trial's own records are the plan's, whatever went ahead of it.
    own = [r for r in bench.folder.read_turns() if r.arm == "trial-0000"]
    assert [r.order for r in own] == list(range(len(bench.plan.turns)))


def test_a_rung_that_was_finished_before_a_kill_is_not_asked_again(tmp_path: Path) -> None:
    bench = laddered(tmp_path)
    ahead = len(bench.rungs[0].plan.turns)
    bench.run(FormulaMeasurer(), 1)

    class Dies(FormulaMeasurer):
        """Is killed in the third turn of the plan."""

        def _record(self, candidate: Candidate, p: PlannedTurn, arm: str, block: int) -> TurnRecord:
            if p.order == ahead + 2:
                raise Killed
            return super()._record(candidate, p, arm, block)

    with pytest.raises(Killed):
        bench.run(Dies(), 2)
    bench.run(FormulaMeasurer(), 2)
    counts = Counter(r.arm for r in bench.folder.read_turns())
    assert counts["rung-0001"] == counts["rung-0002"] == ahead
    assert (counts["trial-0001"], counts["trial-0002"]) == (2, len(bench.plan.turns))
    trial = load_trials(bench.folder)[2]
    assert trial.user_attrs["rungs"][0]["rung"] == "deep"


def test_a_study_with_a_ladder_that_goes_on_decides_as_if_it_had_not_stopped(
    tmp_path: Path,
) -> None:
    whole = laddered(tmp_path / "whole").run(FormulaMeasurer(), 9)
    parted = laddered(tmp_path / "parted")
    parted.run(FormulaMeasurer(), 4)
    ledger = parted.run(FormulaMeasurer(), 9)
    assert [(e.key, e.outcome, e.value) for e in ledger.measured] == [
        (e.key, e.outcome, e.value) for e in whole.measured
    ]
