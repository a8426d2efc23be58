"""The policies beside the one in use, which the table compares it with."""

from __future__ import annotations

import pytest
from entries import SPACE, entry, ledger

from autotune.candidate import Setting
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.known import Known
from autotune.search.ledger import Entry
from autotune.search.planned import Planned
from autotune.search.policies import IN_USE, POLICIES

BASE = entry(0, "default", 2.0, {"a": 1, "b": 1})


def plan(name: str, *entries: Entry) -> Planned | None:
    feasibility = Feasibility(SPACE, None, Limits(None, None), gpu=False)
    return POLICIES[name].plan(Known(ledger=ledger(*entries), space=SPACE, feasibility=feasibility))


def test_the_one_in_use_is_one_of_them() -> None:
    assert POLICIES[IN_USE.name] is IN_USE


@pytest.mark.parametrize("name", ["steps", "stages", "starts-tpe", "starts-gp"])
def test_starts_come_first_laid_over_the_best(name: str) -> None:
    rows: list[Entry] = [BASE]
    for label, value in (("first", 1.5), ("second", 1.0)):
        planned = plan(name, *rows)
        assert planned is not None
        assert planned.label == label
        values: dict[str, Setting] = dict(planned.values)
        rows.append(entry(len(rows), label, value, values))
    assert rows[2].values == {"a": 2, "b": 2, "c": 2}


def test_stages_take_one_parameter_after_another() -> None:
    rows = [BASE, entry(1, "first", 3.0, {"a": 2, "b": 1, "c": 2})]
    rows.append(entry(2, "second", 3.0, {"a": 1, "b": 2}))
    planned = plan("stages", *rows)
    assert planned is not None
    assert planned.label == "step: a 2"
    rows.append(entry(3, planned.label, 3.0, dict(planned.values)))
    assert plan("stages", *rows) is None


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_samplers_alone_plan_nothing(name: str) -> None:
    assert plan(name, BASE) is None


def test_a_sampler_draws_the_same_after_as_many_trials() -> None:
    import optuna

    def drawn(seed: int) -> object:
        study = optuna.create_study(sampler=POLICIES["tpe"].sampler(seed))
        return study.ask().suggest_float("x", 0, 1)

    assert drawn(5) == drawn(5) != drawn(6)
