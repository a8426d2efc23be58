"""The surrogate's choice: what gains most for its seconds, decided by what is known alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from entries import entry, ledger
from formula import Bench, FormulaMeasurer
from landscape import landscape

from autotune.candidate import Setting
from autotune.search.additive import Outlook, by_surrogate, fit_known, is_new
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.known import Known
from autotune.search.ledger import STOPPED, Entry
from autotune.search.space import Parameter, Space, Start
from autotune.search.surrogate import Point
from autotune.search.warm_start import EarlierStudy, WarmStart

WIDE = Space(
    "e",
    (
        Parameter("batch", (1, 2, 3), 2, "batch size", ordered=True),
        Parameter("method", ("none", "x", "y"), "none", "speculation"),
        *(Parameter(name, (1, 2), 1, "other") for name in "pqrs"),
    ),
    starts=(Start("named", "an expert said so", {"s": 2}),),
)


def known(space: Space, *entries: Entry, seed: int = 0) -> Known:
    feasibility = Feasibility(space, None, Limits(None, None), gpu=False)
    return Known(ledger=ledger(*entries), space=space, feasibility=feasibility, seed=seed)


def tried(number: int, value: float | None, label: str = "x", **changes: Setting) -> Entry:
    return entry(number, label, value, {**WIDE.defaults, **changes}, space=WIDE)


DEFAULT = tried(0, 2.0, "default")


def test_what_may_decide_most_is_asked_first() -> None:
    planned = by_surrogate(known(WIDE, DEFAULT))
    assert planned is not None
    assert planned.values["method"] != "none"


def test_a_flag_that_lost_is_left_alone_and_one_that_won_is_kept() -> None:
    rows = [DEFAULT, tried(1, 1.0, method="x"), tried(2, 3.0, method="x", batch=1)]
    planned = by_surrogate(known(WIDE, *rows))
    assert planned is not None
    assert planned.values["method"] != "none"
    assert planned.values["batch"] != 1


def test_what_an_expert_names_comes_before_a_like_flag() -> None:
    rows = [DEFAULT, tried(1, 2.0, method="x"), tried(2, 2.0, method="y"), tried(3, 2.0, batch=1)]
    outlook = Outlook.of(known(WIDE, *rows, tried(4, 2.0, batch=3)))
    assert outlook is not None
    singles = [p.label for p in outlook.ranked().proposals if not p.label.startswith("together")]
    assert singles[0] == "named"


def test_it_follows_from_what_is_known_alone() -> None:
    rows = [DEFAULT, tried(1, 1.5, method="x"), tried(2, 1.6, p=2)]
    assert by_surrogate(known(WIDE, *rows)) == by_surrogate(known(WIDE, *rows))


def test_nothing_is_proposed_that_was_tried_or_is_refused() -> None:
    space = replace(WIDE, forbidden=({"method": ("x",)},))
    planned = by_surrogate(known(space, DEFAULT, tried(1, 2.5, method="y")))
    assert planned is not None
    assert planned.values["method"] != "x"
    assert not is_new(known(space, DEFAULT), WIDE.defaults)
    assert not is_new(known(space, DEFAULT), {**WIDE.defaults, "method": "x"})


def test_a_space_that_is_used_up_has_no_next_trial() -> None:
    tiny = Space("e", (Parameter("p", (1, 2), 1, "x"),))
    rows = [
        entry(0, "default", 2.0, {"p": 1}, space=tiny),
        entry(1, "x", 2.5, {"p": 2}, STOPPED, tiny),
    ]
    assert by_surrogate(known(tiny, *rows)) is None


def test_where_the_default_does_not_run_the_starts_are_tried() -> None:
    planned = by_surrogate(known(WIDE, tried(0, None, "default")))
    assert planned is not None
    assert planned.label == "named"


def test_a_killed_study_goes_on_as_it_would_have_gone(bench: Bench) -> None:
    whole = Bench(bench.path / "whole").run(FormulaMeasurer(), 12)
    parted = Bench(bench.path / "parted")
    parted.run(FormulaMeasurer(), 5)
    again = parted.run(FormulaMeasurer(), 12)
    assert [(e.label, e.key) for e in again.measured] == [(e.label, e.key) for e in whole.measured]


def earlier(sign: float, likeness: float) -> WarmStart:
    """A study in which `p` gained by 30%; with a negative `sign` it lost as much."""
    points = (
        Point(WIDE.defaults, 0.0, 0.02), Point({**WIDE.defaults, "p": 2}, -0.3 * sign, 0.02),
        Point({**WIDE.defaults, "q": 2}, 0.3 * sign, 0.02),
    )  # fmt: skip
    study = EarlierStudy(name="old", likeness=likeness, same="", configs=(), points=points)
    return WarmStart((study,))


def test_what_an_earlier_study_found_is_tried_soon() -> None:
    cold = known(WIDE, DEFAULT, tried(1, 2.0, method="x"), tried(2, 2.0, method="y"))
    warm = replace(cold, warm=earlier(1.0, 0.9))
    planned = by_surrogate(warm)
    assert planned is not None
    assert planned.values["p"] == 2
    assert planned.values["q"] == 1


def test_an_earlier_study_that_is_contradicted_is_not_believed() -> None:
    rows = [DEFAULT, tried(1, 1.4, p=2), tried(2, 2.7, q=2)]
    wrong = replace(known(WIDE, *rows), warm=earlier(-1.0, 0.9))
    right = replace(known(WIDE, *rows), warm=earlier(1.0, 0.9))
    assert fit_known(wrong).likeness == {1: 0.0}
    assert fit_known(right).likeness == {1: 0.9}


@pytest.mark.parametrize("number", [1, 4])
def test_on_a_made_up_engine_it_gains_most_of_what_there_is(number: int) -> None:
    """Every trial is taken at its word, with no noise, one after another."""
    land = landscape(number, parameters=8)
    rows: list[Entry] = []
    for count in range(25):
        planned = by_surrogate(known(land.space, *rows)) if rows else None
        values = dict(land.space.defaults if planned is None else planned.values)
        value = None if land.fails(values) else 2.0 * math.exp(land.log_time(values))
        label = "default" if count == 0 else "x"
        rows.append(entry(count, label, value, values, space=land.space))
    best = min(land.log_time(dict(e.values)) for e in rows if e.value is not None)
    assert best <= 0.7 * land.optimum()
