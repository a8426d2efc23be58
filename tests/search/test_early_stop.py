"""A search ends when nothing is left to gain that could be told from noise, and not before."""

from __future__ import annotations

import math

import optuna
import pytest
from entries import entry, ledger
from formula import Bench, FormulaMeasurer
from landscape import made

from autotune.candidate import Setting
from autotune.search.budget import Budget
from autotune.search.early_stop import LEAST_TRIALS, EarlyStop, early_stop, gain_left
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.known import Known
from autotune.search.ledger import Entry
from autotune.search.search import Search
from autotune.search.space import Parameter, Space
from autotune.search.suggest import make_sampler
from autotune.strategies.memory_log import MemoryTurnLog
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock

SPACE = Space("e", tuple(Parameter(name, (1, 2, 3), 1, "other") for name in "abcdef"))


def known(*entries: Entry) -> Known:
    feasibility = Feasibility(SPACE, None, Limits(None, None), gpu=False)
    return Known(ledger=ledger(*entries), space=SPACE, feasibility=feasibility)


def flat(count: int) -> list[Entry]:
    """The default, and trials in which one flag more or less did nothing at all."""
    rows = [entry(0, "default", 2.0, SPACE.defaults, space=SPACE)]
    for number in range(1, count):
        name, value = "abcdef"[number % 6], 2 + number // 6 % 2
        changes: dict[str, Setting] = {**SPACE.defaults, name: value}
        if number > 12:
            changes["abcdef"[(number + 1) % 6]] = 2
        rows.append(entry(number, "x", 2.0, changes, space=SPACE))
    return rows


def test_a_flat_space_is_left_once_it_is_known_to_be_flat() -> None:
    assert early_stop(known(*flat(LEAST_TRIALS - 1)), math.log(1.05)) is None
    found = early_stop(known(*flat(24)), math.log(1.05))
    assert found is not None
    assert found.after == 24
    assert found.gain < found.floor == pytest.approx(1 - 1 / 1.05)


def test_less_is_left_the_more_is_known() -> None:
    few, many = gain_left(known(*flat(4))), gain_left(known(*flat(20)))
    assert few is not None
    assert many is not None
    assert many < few
    assert gain_left(known()) is None


def test_a_small_floor_asks_for_more_trials_than_a_large_one() -> None:
    rows = flat(24)
    left = gain_left(known(*rows))
    assert left is not None
    assert early_stop(known(*rows), left * 0.9) is None
    assert early_stop(known(*rows), left * 1.1) is not None


def test_a_loud_machine_does_not_end_a_search_that_may_gain_five_percent() -> None:
    rows = flat(LEAST_TRIALS + 1)  # with the last one every value was tried
    left = gain_left(known(*rows))
    assert left is not None
    # However loud: where more than 5% is left, it goes on.
    assert (early_stop(known(*rows), 1.0) is None) == (left >= math.log(1.05))


def test_what_is_said_has_both_figures_and_the_flag() -> None:
    told = EarlyStop(gain=0.012, floor=0.034, after=21)
    assert "after 21 trials" in told.sentence
    assert "1.2%" in told.sentence
    assert "3.4%" in told.sentence
    assert "--no-early-stop" in told.sentence
    assert told.to_json() == {"gain": 0.012, "floor": 0.034, "after": 21}


def test_a_space_that_was_tried_out_ends_and_one_that_goes_on_ends_at_once(bench: Bench) -> None:
    first = bench.run(FormulaMeasurer(), 48, stop_early=True)
    assert LEAST_TRIALS <= len(first.measured) < 48
    again = FormulaMeasurer()
    assert len(bench.run(again, 48, stop_early=True).measured) == len(first.measured)
    assert again.measured == []
    longer = bench.run(FormulaMeasurer(), len(first.measured) + 2, stop_early=False)
    assert len(longer.measured) > len(first.measured)


@pytest.mark.parametrize("number", [3, 8])
def test_it_does_not_end_with_more_than_the_floor_left_to_gain(number: int) -> None:
    setup, clock, log = made(number, sessions=2, turns=5), VirtualClock(), MemoryTurnLog()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    search = Search(
        study=optuna.create_study(sampler=make_sampler(0)),
        space=setup.space,
        plan=setup.search_plan,
        measurer=ClockedMeasurer(setup.measurer, clock),
        judge=setup.judge,
        feasibility=setup.feasibility,
        budget=Budget(None, 60, clock, 0.0),
        log=log,
        listener=lambda _: None,
        read_turns=log.records,
        stop_early=True,
    )
    best = search.run().best
    assert best is not None
    left = setup.land.log_time(dict(best.settings)) - setup.land.optimum()
    assert search.ended is None or left < math.log(1.05)
