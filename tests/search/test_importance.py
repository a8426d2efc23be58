"""Which settings set good trials apart, and when nothing is said of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from entries import entry, ledger
from formula import Bench, FormulaMeasurer

from autotune.candidate import Setting
from autotune.search.importance import (
    LEAST_CONFIGS,
    Importance,
    importance_of,
    stored_importance,
    told_importance,
)
from autotune.search.ledger import STOPPED, Entry, Ledger
from autotune.search.space import Parameter, Space
from autotune.search.suggest import active_values

SPACE = Space(
    "e",
    (
        Parameter("much", (1, 2, 3, 4), 1, "threads"),
        Parameter("little", (1, 2, 3), 1, "threads"),
        Parameter("drafts", ("none", "a"), "none", "speculation"),
        Parameter("drafts-n", (1, 2, 3), 1, "speculation", requires={"drafts": ("a",)}),
        Parameter("alone", (1,), 1, "threads"),
    ),
)
CHOICES = {p.name: p.choices for p in SPACE.parameters}


def configs(count: int, seed: int = 0) -> list[dict[str, Setting]]:
    rng = random.Random(seed)
    found: list[dict[str, Setting]] = []
    while len(found) < count:
        drawn = active_values(SPACE, {p.name: rng.choice(p.choices) for p in SPACE.parameters})
        if drawn not in found:
            found.append(drawn)
    return found


def value_of(values: dict[str, Setting]) -> float:
    return 10.0 - 2.0 * float(values["much"]) - 0.01 * float(values["little"])


def entries(count: int, **more: str) -> list[Entry]:
    rows = enumerate(configs(count))
    return [entry(n, "x", value_of(v), v, space=SPACE, **more) for n, v in rows]


def test_the_setting_that_decides_has_most_of_it() -> None:
    found = importance_of(ledger(*entries(44)), CHOICES)
    assert found is not None
    names = list(found.shares)
    assert names[0] == "much"
    assert found.shares["much"] > 1.5 * found.shares[names[1]]
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert (found.configs, found.best, found.stopped) == (44, 5, 0)
    assert found.shares.get("alone", 0.0) == 0.0


def test_too_few_configs_say_nothing() -> None:
    assert importance_of(ledger(*entries(LEAST_CONFIGS - 1)), CHOICES) is None
    assert importance_of(ledger(*entries(LEAST_CONFIGS)), CHOICES) is not None
    assert told_importance(Ledger(), SPACE) is None


def test_failures_and_second_looks_are_no_configs_and_stopped_ones_are() -> None:
    rows = entries(LEAST_CONFIGS - 1)
    failed = entry(90, "x", None, configs(40)[35], space=SPACE)
    again = entry(91, "again: trial-0000", rows[0].value, dict(rows[0].values), space=SPACE)
    assert importance_of(ledger(*rows, failed, again), CHOICES) is None
    stopped = entry(92, "x", 9.0, configs(40)[36], STOPPED, space=SPACE)
    found = importance_of(ledger(*rows, failed, again, stopped), CHOICES)
    assert found is not None
    assert (found.configs, found.stopped) == (LEAST_CONFIGS, 1)


def test_it_is_told_with_what_it_rests_on() -> None:
    told = told_importance(ledger(*entries(25)), SPACE)
    assert told is not None
    assert set(told) == {"shares", "configs", "best", "stopped"}
    assert Importance(**told).to_json() == told


def test_a_study_on_the_disk_says_the_same_while_it_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "s")
    assert stored_importance(bench.folder) is None
    known = bench.run(FormulaMeasurer(), 4)
    assert stored_importance(bench.folder) is None
    known = bench.run(FormulaMeasurer(), 26)
    found = stored_importance(bench.folder)
    assert found is not None
    assert found["configs"] == len({e.key for e in known.measured})
    assert next(iter(found["shares"])) in ("threads", "spec-type", "batch-size", "spec-n")
