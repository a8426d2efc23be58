from __future__ import annotations

import random
from itertools import islice

from analytic_setup import LOAD_S, OPTIMUM, SPACE, WORTH, Analytic, analytic_setup, seconds_of

from autotune.strategies.plain import grid_order, plain_tpe, random_search
from autotune.strategies.seam import Asked, Pick, Run
from autotune.strategies.whole import Whole, draw, every

CONFIGS = 4 * 3 * (1 + 3)
"""Sizes, slots, and plain or one of three drafts."""

ROOMLESS = 1 + 3
"""Those with the greatest size and four slots."""


def picks(
    run: Run, budget_s: float, seed: int = 0, noise: float = 0.0
) -> tuple[list[Pick], Analytic]:
    setup = analytic_setup(noise, seed)
    return list(run(setup, Asked(budget_s=budget_s, seed=seed))), setup.analytic


def test_the_grid_is_in_the_order_of_the_file_and_skips_what_does_not_apply() -> None:
    points = list(every(SPACE))
    assert len(points) == CONFIGS
    assert points[0] == {"ubatch-size": 128, "parallel": 1, "mode": "plain"}
    assert points[1] == {"ubatch-size": 128, "parallel": 1, "mode": "draft", "draft-max": 4}
    assert points[-1] == {"ubatch-size": 1024, "parallel": 4, "mode": "draft", "draft-max": 16}


def test_a_draw_has_what_applies_and_nothing_else() -> None:
    setup, rng = analytic_setup(), random.Random(0)
    for _ in range(50):
        values = draw(setup, rng)
        assert ("draft-max" in values) == (values["mode"] == "draft")


def test_all_of_a_small_space_is_measured_once_and_the_optimum_found() -> None:
    for run in (random_search, grid_order):
        found, analytic = picks(run, budget_s=1e9)
        # One that has no room says it of those that ask for more; all are drawn, none twice.
        assert CONFIGS - ROOMLESS < len(analytic.launches) <= CONFIGS
        assert len(set(analytic.launches)) == len(analytic.launches)
        assert seconds_of(found[-1].settings) == OPTIMUM / WORTH
        assert found[-1].trials == len(analytic.launches)


def test_the_default_is_recommended_before_anything_is_known_and_measured_first() -> None:
    found, _ = picks(random_search, budget_s=59.0)
    default = {"ubatch-size": 512, "parallel": 4, "mode": "plain"}
    assert found[0] == Pick(0.0, default, 0)
    # 24 turns of two seconds and the launch.
    assert found[1] == Pick(LOAD_S + 24 * 2.0, default, 1)


def test_a_search_ends_with_its_budget() -> None:
    found, analytic = picks(random_search, budget_s=100.0)
    assert found[-2].engine_s < 100.0 <= found[-1].engine_s
    assert len(analytic.launches) == found[-1].trials


def test_another_seed_draws_otherwise_and_the_same_seed_the_same() -> None:
    one, _ = picks(random_search, budget_s=600.0, seed=1)
    again, _ = picks(random_search, budget_s=600.0, seed=1)
    other, _ = picks(random_search, budget_s=600.0, seed=2)
    assert one == again
    assert one != other


def test_tpe_begins_with_the_default_and_measures_the_same_again() -> None:
    found, analytic = picks(plain_tpe, budget_s=3_000.0)
    assert found[1].settings == {"ubatch-size": 512, "parallel": 4, "mode": "plain"}
    # More launches than the space has configs: out of the box it repeats itself.
    assert len(analytic.launches) > CONFIGS
    assert seconds_of(found[-1].settings) == OPTIMUM / WORTH


def test_what_ran_out_of_memory_is_learnt_and_never_leads() -> None:
    bench = Whole(analytic_setup(), Asked(budget_s=1e9, seed=0))
    large = bench.candidate({"ubatch-size": 1024, "parallel": 4, "mode": "plain"})
    assert not bench.refuses(large)
    assert bench.measure(large) is None
    assert bench.refuses(large)
    assert bench.now.settings == bench.default


def test_a_worth_of_its_own_replaces_the_objective() -> None:
    bench = Whole(
        analytic_setup(), Asked(budget_s=1e9, seed=0), worth=lambda m: -m.seconds.replay_s
    )
    slow, fast = (bench.candidate(v) for v in islice(every(SPACE), 2))
    bench.measure(slow)
    bench.measure(fast)
    assert bench.now.settings == slow.settings
