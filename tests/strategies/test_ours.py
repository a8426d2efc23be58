from __future__ import annotations

from dataclasses import replace

import pytest
from analytic_setup import OPTIMUM, WORTH, analytic_setup, seconds_of

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.search.ledger import DUPLICATE
from autotune.strategies.memory_log import MemoryTurnLog
from autotune.strategies.ours import Ours, known_rungs, ours
from autotune.strategies.seam import Asked
from autotune.strategies.table import STRATEGIES, USUAL, strategies_named


def test_it_finds_the_optimum_and_proves_it() -> None:
    setup = analytic_setup(noise=0.02, seed=1)
    run = Ours(setup, Asked(budget_s=1_800.0, seed=1))
    found = list(run.run())
    assert seconds_of(found[-1].settings) == OPTIMUM / WORTH
    assert [p.is_final for p in found].count(True) == 1
    assert run.confirmed is not None
    assert run.confirmed.comparisons


def test_the_confirmation_is_within_the_budget() -> None:
    for seed in range(3):
        setup = analytic_setup(noise=0.05, seed=seed)
        list(ours(setup, Asked(budget_s=900.0, seed=seed)))
        assert setup.clock.now() <= 1.05 * 900.0


def test_it_is_the_search_of_a_run() -> None:
    setup = analytic_setup(noise=0.02)
    run = Ours(setup, Asked(budget_s=1_800.0, seed=0))
    list(run.run())
    labels = [e.label for e in run.ledger.entries]
    assert labels[0] == "default"
    arms = {r.arm for r in run.log.records()}
    assert any(arm.startswith("anchor-") for arm in arms)  # drift is watched
    assert any(arm.startswith("confirm-") for arm in arms)
    stopped = [e for e in run.ledger.measured if e.reached < 1.0 and e.value is not None]
    assert stopped  # the race leaves what cannot win
    measured = [e for e in run.ledger.entries if e.outcome != DUPLICATE]
    assert len(run.ledger.measured) <= len(measured)


def test_the_same_seed_decides_the_same() -> None:
    one, two = (
        list(ours(analytic_setup(noise=0.1, seed=4), Asked(budget_s=900.0, seed=4)))
        for _ in range(2)
    )
    assert one == two


def test_where_nothing_is_faster_the_default_is_kept() -> None:
    setup = analytic_setup(noise=0.02)
    slower = replace(setup.space.parameters[0], choices=(128, 256, 512))
    space = replace(setup.space, parameters=(slower,), fixed={"parallel": 4, "mode": "plain"})
    found = list(ours(replace(setup, space=space), Asked(budget_s=900.0, seed=0)))
    assert found[-1].settings["ubatch-size"] == 512


def test_rungs_are_worked_out_once_for_all_seeds() -> None:
    first, second = analytic_setup(seed=0), analytic_setup(seed=1)
    assert known_rungs(first) is known_rungs(second)


def test_the_log_sets_aside_and_keeps_the_order() -> None:
    log = MemoryTurnLog()
    records = []
    setup = analytic_setup()
    setup.measurer.measure(
        Candidate({"ubatch-size": 512, "parallel": 4, "mode": "plain"}),
        setup.search_plan, arm="trial-0000", block=0, sink=records.append,
    )  # fmt: skip
    for record in records:
        log.append(record)
    assert log.set_aside("trial-0000", 0, as_arm="trial-0000~1") == len(records)
    assert log.set_aside("trial-0000", 0, as_arm="x") == 0
    kept = list(log.records())
    assert {r.arm for r in kept} == {"trial-0000~1"}
    assert [r.order for r in kept] == [r.order for r in records]
    assert all(isinstance(r, TurnRecord) for r in kept)
    log.close()


def test_strategies_are_named() -> None:
    assert strategies_named(()) == USUAL
    assert strategies_named(("tpe", "ours", "tpe")) == ("ours", "tpe")
    assert set(USUAL) == set(STRATEGIES) - {"llama-optimus-own"}
    with pytest.raises(UserError, match="no strategy is called 'best'"):
        strategies_named(("best",))
