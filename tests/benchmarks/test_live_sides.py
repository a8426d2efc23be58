"""Two searches take turns: who goes next, and how both end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from analytic_setup import plan_of
from live_sides import Ask, HaltedError, Side, Stopwatch, interleave

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.strategies.seam import Pick
from autotune.trial.measurement import Measurement, Measurer
from autotune.trial.virtual_clock import VirtualClock


def test_a_stopwatch_counts_only_while_it_runs() -> None:
    machine = VirtualClock()
    watch = Stopwatch(ticks=machine.now)
    machine.advance(5.0)
    assert watch() == 0.0
    watch.run()
    machine.advance(2.0)
    watch.run()
    machine.advance(1.0)
    assert watch.now() == 3.0
    watch.pause()
    machine.advance(9.0)
    assert watch.now() == 3.0
    watch.put(7.5)
    watch.advance(0.5)
    assert watch() == 8.0


def asks(times: int) -> Callable[[Measurer], list[Pick]]:
    """A search that has its default measured so often, and nothing else."""

    def search(measurer: Measurer) -> list[Pick]:
        for at in range(times):
            arm = f"{times}-{at}"
            measurer.measure(Candidate(), plan_of(), arm=arm, block=0, sink=lambda _: None)
        return [Pick(0.0, {}, times)]

    return search


def sides_of(machine: VirtualClock, *times: int) -> list[Side]:
    return [Side(f"side {n}", asks(n), Stopwatch(ticks=machine.now)) for n in times]


def answered(machine: VirtualClock, side: Side, ask: Ask, seconds: float) -> Measurement:
    side.clock.run()
    machine.advance(seconds)
    side.clock.pause()
    return Measurement(ask.candidate, ask.arm, ask.block, (), None)


def test_who_has_used_less_time_goes_next() -> None:
    machine, order = VirtualClock(), list[tuple[str, float]]()
    sides = sides_of(machine, 2, 6)

    def measure(side: Side, ask: Ask) -> Measurement:
        order.append((side.name[-1], side.clock.now()))
        return answered(machine, side, ask, 10.0 if side is sides[0] else 4.0)

    interleave(sides, measure)
    # Ten seconds of the first, then fours of the second until it has twelve; and so on.
    assert order == [
        ("2", 0.0), ("6", 0.0), ("6", 4.0), ("6", 8.0), ("2", 10.0), ("6", 12.0), ("6", 16.0),
        ("6", 20.0),
    ]  # fmt: skip
    assert [side.clock.now() for side in sides] == [20.0, 24.0]
    assert [side.picks[0].trials for side in sides] == [2, 6]


def test_an_interrupt_ends_both_searches() -> None:
    machine, before = VirtualClock(), threading.active_count()
    sides = sides_of(machine, 5, 7)

    def measure(side: Side, ask: Ask) -> Measurement:
        if machine.now() >= 3.0:
            raise KeyboardInterrupt
        return answered(machine, side, ask, 1.0)

    with pytest.raises(KeyboardInterrupt):
        interleave(sides, measure)
    assert threading.active_count() == before
    with pytest.raises(HaltedError):
        _ = sides[0].picks


def test_what_goes_wrong_in_a_search_is_raised_and_ends_the_other() -> None:
    machine, before = VirtualClock(), threading.active_count()

    def broken(measurer: Measurer) -> list[Pick]:
        raise UserError("no space", "give one")

    sides = [*sides_of(machine, 2), Side("broken", broken, Stopwatch(ticks=machine.now))]
    with pytest.raises(UserError, match="no space"):
        interleave(sides, lambda side, ask: answered(machine, side, ask, 1.0))
    assert threading.active_count() == before
