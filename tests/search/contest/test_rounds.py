"""Who gets the trials: simulated engines, seeded, no process started."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from arena import Arena
from formula import FormulaMeasurer, ttft_of

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.search.contest.side import Side
from autotune.search.events import EngineChosen, TrialFinished, TrialStarted
from autotune.search.space import Parameter, Space, Start

Settings = Mapping[str, Setting]

FIRSTS = 3
"""The default and two starts of the formula's space."""


def times(factor: float) -> Callable[[Settings], float]:
    return lambda settings: factor * ttft_of(settings)


def chosen(arena: Arena) -> list[str]:
    return [e.engine for e in arena.events if isinstance(e, EngineChosen)]


def test_every_engine_has_its_default_and_starts_first_in_turns(arena: Arena) -> None:
    arena.open({"a": times(1), "b": times(5)}).run(6)
    assert chosen(arena) == ["a", "b"] * FIRSTS
    for side in arena.sides:
        # As many trials as there are starts; which configs they are, the policy says.
        assert side.ledger.entries[0].label == "default"
        assert len(side.ledger.entries) == FIRSTS


@pytest.mark.parametrize("seed", range(3))
def test_an_engine_that_is_twice_as_slow_gets_few_trials(arena: Arena, seed: int) -> None:
    # Three times the TTFT and the same decode rate are twice the time of a turn.
    found = arena.open({"fast": times(1), "slow": times(3)}, seed=seed).run(32, seed=seed)
    assert found["fast"] + found["slow"] == 32
    assert FIRSTS <= found["slow"] <= 8


@pytest.mark.parametrize("seed", range(3))
def test_equal_engines_get_equal_shares(arena: Arena, seed: int) -> None:
    found = arena.open({"a": times(1), "b": times(1)}, seed=seed).run(30, seed=seed)
    assert abs(found["a"] - found["b"]) <= 6


STAIRS = Space(
    "stairs",
    (
        *(Parameter(f"p{i}", (0, 1), 0, f"c{i}", ordered=True) for i in range(6)),
        Parameter("threads", (1, 2, 4), 2, "threads", ordered=True),
    ),
    starts=(Start("one", "helps a little", {"p0": 1}),),
)


def late_bloomer(settings: Settings) -> float:
    """Twice as slow by default; each of six switches takes off a quarter: 0.36 when tuned."""
    steps = sum(int(settings[f"p{i}"]) for i in range(6))
    return float(2.0 * 0.75**steps + 0.5 * abs(float(settings["threads"]) - 2))


def set_in_its_ways(settings: Settings) -> float:
    """No setting helps it."""
    return float(1.0 + 0.5 * abs(float(settings["threads"]) - 2))


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_starter_whose_tuned_config_wins_is_not_starved(arena: Arena, seed: int) -> None:
    engines = {"steady": set_in_its_ways, "slow starter": late_bloomer}
    found = arena.open(engines, space=STAIRS, seed=seed).run(40, seed=seed)
    steady, starter = (side.ledger for side in arena.sides)
    assert starter.baseline.value > 1.5 * steady.baseline.value
    assert starter.best.value < steady.best.value
    assert found["slow starter"] >= found["steady"]


def test_a_laggards_share_shrinks_as_evidence_grows(arena: Arena) -> None:
    arena.open({"a": times(1), "b": times(1.25)}).run(40)
    told = [e.chances["b"] for e in arena.events if isinstance(e, EngineChosen) and e.chances]
    assert told[0] > 0.1
    assert sum(told[-5:]) / 5 < 0.5 * sum(told[:5]) / 5
    picks = chosen(arena)[2 * FIRSTS :]
    half = len(picks) // 2
    assert picks[half:].count("b") <= picks[:half].count("b")


def test_an_engine_that_never_runs_is_out_after_its_first_rounds(arena: Arena) -> None:
    failing = FormulaMeasurer(fails=lambda _: Failure(FailureKind.CRASH, "it died"))
    found = arena.open({"a": times(1), "broken": failing}).run(20)
    assert found == {"a": 20 - FIRSTS, "broken": FIRSTS}
    last = [e for e in arena.events if isinstance(e, EngineChosen)][-1]
    assert last.out == ("broken",)
    assert last.chances == {"a": 1.0, "broken": 0.0}


def test_a_space_that_is_used_up_leaves_the_rest_to_the_other(arena: Arena) -> None:
    arena.open({"a": times(1), "b": times(1)})
    arena.sides[0].search.space = Space(
        "tiny", (Parameter("threads", (2, 4), 2, "threads"),),
        fixed={"spec-type": "none", "batch-size": 512},
    )  # fmt: skip
    found = arena.run(20)
    assert found["a"] == 2
    assert found["b"] == 18


def test_events_tell_the_engine_and_what_is_best_of_all(arena: Arena) -> None:
    arena.open({"slow": times(3), "fast": times(1)}).run(6)
    done = [e for e in arena.events if isinstance(e, TrialFinished)]
    assert [e.engine for e in done] == ["slow", "fast"] * 3
    assert done[0].is_best
    # The second and third trials of the slow engine are its own best and not the contest's.
    assert [e.is_best for e in done[2::2]] == [False, False]
    assert {e.best_engine for e in done[1:]} == {"fast"}
    assert [e.trials_done for e in done] == [1, 2, 3, 4, 5, 6]
    assert {e.engine for e in arena.events if isinstance(e, TrialStarted)} == {"slow", "fast"}


def test_a_polite_stop_ends_after_the_trial(arena: Arena) -> None:
    stop = threading.Event()
    arena.open({"a": times(1), "b": times(1)})
    arena.sides[1].search.stop = stop
    arena.measurers["b"].before = lambda count: stop.set() if count == 1 else None
    assert arena.run(30, stop=stop) == {"a": 2, "b": 2}


class Killed(BaseException):
    """Stands for a kill: passes every ``except Exception``."""


def test_a_killed_contest_loses_one_trial_and_goes_the_same_way(tmp_path: Path) -> None:
    def kill(count: int) -> None:
        if count == 4:
            raise Killed

    with ExitStack() as stack:
        whole = Arena(tmp_path / "whole", stack, kept=True)
        whole.open({"a": times(1), "b": times(1.1)}).run(12)
    with ExitStack() as stack:
        first = Arena(tmp_path / "parted", stack, kept=True)
        first.open({"a": FormulaMeasurer(before=kill), "b": times(1.1)})
        with pytest.raises(Killed):
            first.run(12)
    with ExitStack() as stack:
        again = Arena(tmp_path / "parted", stack, kept=True)
        again.open({"a": times(1), "b": times(1.1)}).run(12)
    for one, other in zip(whole.sides, again.sides, strict=True):
        assert rows(one) == rows(other)
    numbers = [e.number for e in again.sides[0].ledger.measured]
    assert numbers[3:5] == [3, 5]  # trial 4 was under way


def rows(side: Side) -> list[tuple[str, str]]:
    return [(e.label, e.key) for e in side.ledger.measured]
