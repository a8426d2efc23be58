from __future__ import annotations

import random

import pytest
from analytic_setup import SPACE, TOKENS, analytic_setup, seconds_of

from autotune.candidate import Candidate
from autotune.search.space import to_settings
from autotune.strategies.llama_optimus import (
    TRIALS,
    grid_points,
    llama_optimus,
    llama_optimus_own,
    numbers_and_words,
    seconds_per_token,
)
from autotune.strategies.seam import Asked


def test_what_has_an_order_is_a_number() -> None:
    assert numbers_and_words(SPACE) == (["ubatch-size", "parallel", "draft-max"], ["mode"])


def test_a_grid_has_every_combination_once_and_no_more_than_asked() -> None:
    names = ["ubatch-size", "mode"]
    points = list(grid_points(SPACE, names, random.Random(0), most=100))
    assert len({tuple(sorted(p.items(), key=str)) for p in points}) == len(points) == 8
    assert len(list(grid_points(SPACE, names, random.Random(0), most=5))) == 5
    assert list(grid_points(SPACE, [], random.Random(0), most=5)) == []


def test_the_stages_come_one_after_the_other() -> None:
    setup = analytic_setup()
    found = list(llama_optimus(setup, Asked(budget_s=1e9, seed=3)))
    # The default before the first, a pick a trial, and what the stages come to together.
    assert len(found) == 1 + TRIALS + 2 + TRIALS + 1
    first = found[1 : 1 + TRIALS]
    # Numbers alone vary in the first stage: no draft is seen before the grid of words.
    assert {p.settings["mode"] for p in first} == {"plain"}
    words = found[1 + TRIALS + 1]
    assert words.settings["mode"] == "draft"
    assert found[-1].settings["mode"] == "draft"


def test_a_refused_trial_counts_and_costs_nothing() -> None:
    setup = analytic_setup()
    large = Candidate(to_settings(SPACE, {"ubatch-size": 1024, "parallel": 4, "mode": "plain"}))
    failed = setup.measurer.measure(
        large, setup.search_plan, arm="x", block=0, sink=lambda _: None
    ).failure
    setup.feasibility.learn(large, failed)
    found = list(llama_optimus(setup, Asked(budget_s=1e9, seed=3)))
    assert len(found) == 1 + TRIALS + 2 + TRIALS + 1
    assert found[-1].trials < 2 * TRIALS + 2


def test_its_own_metric_is_seconds_per_generated_token() -> None:
    setup = analytic_setup()
    default = Candidate(to_settings(SPACE, SPACE.defaults))
    plan = setup.search_plan
    measured = setup.measurer.measure(default, plan, arm="x", block=0, sink=lambda _: None)
    # Half of a turn's two seconds are for twenty tokens after the first.
    assert seconds_per_token(measured) == pytest.approx(1.0 / (TOKENS - 1))
    found = list(llama_optimus_own(analytic_setup(), Asked(budget_s=1e9, seed=1)))
    assert (seconds_of(found[-1].settings) or 9.0) <= 2.0
