"""The stage between search and confirmation: what is dropped, what stays, what is not repeated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from formula import FormulaMeasurer
from simplifying import Stage, trial_of

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.search.events import ConfirmStarted, Summary
from autotune.search.leave_one_out import Costs
from autotune.search.simplify import NO_TIME, NO_TIME_TO_DROP, Simplified

WINNER: Mapping[str, Setting] = {"batch": 3, "threads": 2, "poll": 50}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "s")


def formula(settings: Mapping[str, Setting]) -> float:
    """A large batch is 1.5 times as fast, threads 1.2 times; polling does nothing."""
    value = 3.0 / (1.5 if settings["batch"] == 3 else 1.0)
    return value / (1.2 if settings["threads"] == 2 else 1.0)


def ratios(found: Simplified) -> dict[str, float]:
    return {e.group.name: e.ratio for e in found.effects if e.ratio is not None}


def arms(measurer: FormulaMeasurer) -> list[str]:
    return [arm for arm, _ in measurer.arms]


def test_a_change_that_does_nothing_is_dropped_and_the_rest_is_worth_what_it_is(
    stage: Stage,
) -> None:
    found = stage.run(FormulaMeasurer(scale=formula), WINNER)
    assert [g.name for g in found.dropped] == ["poll"]
    assert found.entry.values == {"batch": 3, "threads": 2, "poll": 0, "spec": "none"}
    assert found.entry.number == 2
    assert found.entry.value == pytest.approx(found.finalist.value)
    assert ratios(found) == pytest.approx({"batch": 1.5, "threads": 1.2, "poll": 1.0})
    assert all(e.source == "measured" for e in found.effects)
    assert [e.group.name for e in found.effects] == ["batch", "threads", "poll"]


def test_the_arms_are_interleaved_in_blocks_that_turn_around(stage: Stage) -> None:
    measurer = FormulaMeasurer(scale=formula)
    stage.run(measurer, WINNER)
    *round_, last = measurer.arms[2:]
    first, second, third = (
        [a.rpartition("0001-")[2] for a, b in round_ if b == n] for n in range(3)
    )
    # Threads and polling may do nothing, by what the search knows: they come first, both at once.
    assert first == ["trial-0001", "without-2", "without-poll", "without-threads", "without-batch"]
    assert second == first[::-1]
    assert third == first
    assert last == ("trial-0002", 0)


def both(settings: Mapping[str, Setting]) -> float:
    """A large batch and threads help together alone."""
    return 2.0 if settings["batch"] == 3 and settings["threads"] == 2 else 3.0


def test_two_changes_that_only_work_together_are_both_kept(stage: Stage) -> None:
    found = stage.run(FormulaMeasurer(scale=both), WINNER)
    assert [g.name for g in found.dropped] == ["poll"]
    assert ratios(found) == pytest.approx({"batch": 1.5, "threads": 1.5, "poll": 1.0})


def either(settings: Mapping[str, Setting]) -> float:
    """One of threads and polling is enough, and a large batch helps besides."""
    helped = settings["threads"] == 2 or settings["poll"] == 50
    return (2.0 if helped else 3.0) / (1.3 if settings["batch"] == 3 else 1.0)


def test_of_two_of_which_one_is_enough_not_both_are_dropped(stage: Stage) -> None:
    """Each does nothing by itself; the trial without both shows it, and the finalist stands."""
    found = stage.run(FormulaMeasurer(scale=either), WINNER)
    assert found.dropped == ()
    assert found.entry == found.finalist
    assert found.note is not None
    assert "threads, poll did nothing by itself" in found.note
    rejected = trial_of(stage, {"batch": 3})
    assert rejected is not None
    assert rejected.value == pytest.approx(1.5 * (found.finalist.value or 0))


def test_a_change_that_harms_is_dropped(stage: Stage) -> None:
    def harmful(settings: Mapping[str, Setting]) -> float:
        return formula(settings) * (1.1 if settings["poll"] == 50 else 1.0)

    found = stage.run(FormulaMeasurer(scale=harmful), WINNER)
    assert [g.name for g in found.dropped] == ["poll"]
    assert ratios(found)["poll"] == pytest.approx(1 / 1.1)
    assert found.entry.value == pytest.approx((found.finalist.value or 0) / 1.1)


def test_where_everything_does_nothing_nothing_is_measured_or_dropped(stage: Stage) -> None:
    """A finalist that gains nothing has no gain to keep; the confirmation will say so."""
    measurer = FormulaMeasurer(scale=lambda s: 2.0 if s["poll"] == 0 else 1.999)
    found = stage.run(measurer, {"poll": 50})
    assert found.dropped == ()
    assert found.entry == found.finalist


def test_what_belongs_together_is_taken_back_together(stage: Stage) -> None:
    def drafts(settings: Mapping[str, Setting]) -> float:
        return 2.0 / (1.6 if settings.get("spec-n") == 4 else 1.0)

    found = stage.run(
        FormulaMeasurer(scale=drafts), {"spec": "ngram", "spec-n": 4, "threads": 2, "poll": 50}
    )
    assert sorted(g.name for g in found.dropped) == ["poll", "threads"]
    assert ratios(found)["spec, spec-n"] == pytest.approx(1.6)
    row = next(e for e in found.effects if e.group.name == "spec, spec-n").to_json()
    assert (row["before"], row["after"]) == ("none, left out", "ngram, 4")
    assert row["settings"] == {"spec": ["none", "ngram"], "spec-n": [None, 4]}


def test_what_the_search_measured_already_is_not_measured_again(stage: Stage) -> None:
    measurer = FormulaMeasurer(scale=formula)
    found = stage.run(measurer, {"batch": 3}, {"batch": 3, "threads": 2})
    # Threads: the trial before. Of the batch nothing is known but by the round.
    by_name = {e.group.name: e for e in found.effects}
    assert by_name["threads"].basis.value == "trials of the search"
    assert by_name["threads"].ratio == pytest.approx(1.2)
    # Widened by the floor of 2%, as there is one block of each.
    assert by_name["threads"].low == pytest.approx(1.2 * math.exp(-0.02), rel=1e-3)
    assert not any("without-threads" in arm for arm in arms(measurer))
    assert by_name["batch"].basis.value == "runs of their own, interleaved"


def test_without_the_time_for_two_arms_guesses_stand_and_it_is_said(stage: Stage) -> None:
    stage.costs = Costs(left_s=19.0, short_s=5.0, whole_s=10.0)
    measurer = FormulaMeasurer(scale=formula)
    found = stage.run(measurer, WINNER)
    assert found.note == NO_TIME
    assert found.entry == found.finalist
    assert {e.source for e in found.effects} == {"estimate"}
    assert len(measurer.arms) == 2


def test_with_little_time_all_suspects_are_left_out_at_once(stage: Stage) -> None:
    stage.costs = Costs(left_s=20.0, short_s=5.0, whole_s=10.0)
    measurer = FormulaMeasurer(scale=formula)
    stage.run(measurer, WINNER)
    assert [arm.rpartition("0001-")[2] for arm in arms(measurer)[2:6]] == [
        "trial-0001", "without-2", "without-2", "trial-0001",
    ]  # fmt: skip


def test_without_time_for_a_trial_nothing_is_dropped_until_there_is(stage: Stage) -> None:
    stage.has_time = False
    found = stage.run(FormulaMeasurer(scale=formula), WINNER)
    assert (found.note, found.dropped) == (NO_TIME_TO_DROP, ())
    stage.has_time = True
    measurer = FormulaMeasurer(scale=formula)
    again = stage.run(measurer, WINNER)
    assert [g.name for g in again.dropped] == ["poll"]
    assert arms(measurer) == ["trial-0002"]


def test_measuring_nothing_drops_nothing_and_says_nothing(stage: Stage) -> None:
    stage.measures = False
    measurer = FormulaMeasurer(scale=formula)
    found = stage.run(measurer, WINNER)
    assert (found.note, found.dropped, len(measurer.arms)) == (None, (), 2)
    assert len(found.effects) == 3


def test_the_same_study_again_launches_nothing_and_says_the_same(stage: Stage) -> None:
    first = stage.run(FormulaMeasurer(scale=formula), WINNER)
    again = FormulaMeasurer(scale=formula)
    second = stage.run(again, WINNER)
    assert again.arms == []
    assert second.entry.key == first.entry.key
    assert [e.to_json() for e in second.effects] == [e.to_json() for e in first.effects]
    assert [g.name for g in second.dropped] == ["poll"]


class Killed(BaseException):
    """Ends a measurement as a kill would."""


@pytest.mark.parametrize("after", [3, 7, 13, 14])
def test_a_study_that_was_killed_repeats_nothing_that_was_measured(
    stage: Stage, after: int
) -> None:
    def kill(done: int) -> None:
        if done == after:
            raise Killed

    whole = FormulaMeasurer(scale=formula)
    Stage(stage.path.parent / "other").run(whole, WINNER)
    begun = FormulaMeasurer(scale=formula, before=kill)
    with pytest.raises(Killed):
        stage.run(begun, WINNER)
    rest = FormulaMeasurer(scale=formula)
    found = stage.run(rest, WINNER)
    assert [g.name for g in found.dropped] == ["poll"]
    done = begun.arms[:after]
    assert not set(done) & set(rest.arms)
    # The trial of the smaller config has another number when it was cut short.
    assert len(done) + len(rest.arms) == len(whole.arms)


def test_a_polite_stop_in_the_round_drops_nothing(stage: Stage) -> None:
    def halt(done: int) -> None:
        if done == 5:
            stage.stop.set()

    found = stage.run(FormulaMeasurer(scale=formula, before=halt), WINNER)
    assert (found.entry, found.dropped) == (found.finalist, ())
    stage.stop.clear()
    assert [g.name for g in stage.run(FormulaMeasurer(scale=formula), WINNER).dropped] == ["poll"]


def test_a_change_without_which_it_does_not_run_stays(stage: Stage) -> None:
    def fails(settings: Mapping[str, Setting]) -> Failure | None:
        lonely = settings["batch"] == 3 and settings["poll"] == 0
        return Failure(FailureKind.BAD_FLAG, "a batch needs polling") if lonely else None

    found = stage.run(FormulaMeasurer(scale=formula, fails=fails), WINNER)
    assert found.dropped == ()
    row = next(e for e in found.effects if e.group.name == "poll")
    assert row.ratio is None
    assert "a batch needs polling" in (row.failure or "")


def test_a_search_that_goes_on_has_the_smaller_config_as_a_trial_like_others(
    stage: Stage,
) -> None:
    stage.run(FormulaMeasurer(scale=formula), WINNER)
    assert stage.search is not None
    ledger = stage.search.ledger
    assert [e.number for e in ledger.searched("fewer: ").entries] == [0, 1]
    assert [e.number for e in ledger.entries] == [0, 1, 2]


def test_what_is_told_is_of_the_winner_alone(stage: Stage) -> None:
    found = stage.run(FormulaMeasurer(scale=formula), WINNER)
    blank = Summary("s", "d", 0, "v", None, None, None)

    def told(winner: int | None) -> Summary:
        return found.told(Summary("s", "d", 0, "v", winner, None, None))

    assert told(None) == blank
    smaller = told(found.entry.number)
    assert [row["name"] for row in smaller.effects] == ["batch", "threads"]
    assert [(r["name"], r["before"], r["after"]) for r in smaller.needless] == [("poll", 0, 50)]
    full = told(found.finalist.number)
    assert [row["name"] for row in full.effects] == ["batch", "threads", "poll"]
    assert full.needless == ()


def test_whoever_watches_is_told_what_the_round_is_for(stage: Stage) -> None:
    stage.run(FormulaMeasurer(scale=formula), WINNER)
    rounds = [e for e in stage.events if isinstance(e, ConfirmStarted)]
    assert [(e.stage, e.baseline, e.blocks) for e in rounds] == [("effects", "trial-0001", 3)]
