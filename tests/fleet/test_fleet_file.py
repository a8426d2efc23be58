"""A fleet as a person writes it, and what is said where that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.fleet.fleet_file import Fleet, named, read_fleet
from autotune.search.request import RunRequest

WHOLE = """
[fleet]
engine = "llama-server"
budget = "90m"
gpus = ["3090", "RTX 4090 Laptop"]
skip = ["small-agents-3090"]

[fleet.models]
coder = "/models/coder.gguf"
small = "models/small.gguf"

[fleet.workloads]
agents = "captures"

[fleet.idle]
person = "off"

[fleet.targets.coder-agents-3090]
budget = "3h"
set = { batch-size = 512 }

[fleet.targets.spark]
gpu = "spark"
model = "/models/big.gguf"
workload = "captures"
"""
LEAST = """
[fleet]
gpus = ["cpu"]
models = { m = "m.gguf" }
workloads = { w = "w" }
"""

Read = Callable[[str], Fleet]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(text: str) -> Fleet:
        path = tmp_path / "fleet.toml"
        path.write_text(text)
        return read_fleet(path, RunRequest(workload=Path(), seed=7))

    return reader


def test_every_model_on_every_workload_on_every_gpu(read: Read, tmp_path: Path) -> None:
    fleet = read(WHOLE)
    assert list(fleet.targets) == [
        "coder-agents-3090",
        "coder-agents-rtx-4090-laptop",
        "small-agents-rtx-4090-laptop",
        "spark",
    ]
    first = fleet.targets["coder-agents-3090"]
    assert first.request.gpu == "3090"
    assert first.request.model == Path("/models/coder.gguf")
    assert first.request.workload == tmp_path / "captures"
    assert first.request.seed == 7
    assert first.budget_s == 10_800.0
    assert first.request.pins == {"batch-size": 512}
    small = fleet.targets["small-agents-rtx-4090-laptop"]
    assert small.request.model == tmp_path / "models" / "small.gguf"
    assert small.budget_s == 5400.0
    assert all(target.request.engine == "llama-server" for target in fleet.targets.values())
    assert all(target.idle.person_s is None for target in fleet.targets.values())


def test_those_that_are_asked_for_once_each(read: Read) -> None:
    fleet = read(WHOLE)
    assert [t.name for t in named(fleet, ["spark", "spark"])] == ["spark"]
    assert len(list(named(fleet, []))) == 4
    with pytest.raises(UserError) as caught:
        list(named(fleet, ["sparc"]))
    assert caught.value.hint == "did you mean spark?"


@pytest.mark.parametrize(
    ("was", "now", "problem", "hint"),
    [
        ("[fleet]", "[flet]", "there is no key 'flet'", "did you mean [fleet]?"),
        ("gpus =", "gpuz =", "[fleet] gpus: missing", 'write gpus = ["3090", "4090"]'),
        ('["cpu"]', "[]", "[fleet] gpus: missing", 'write gpus = ["3090", "4090"]'),
        ('["cpu"]', '"cpu"', "gpus: 'cpu' is not a list of GPUs", "write gpus ="),
        ('["cpu"]', '["cpu", "cpu"]', "m-w-cpu is the name of two targets", "once"),
        ('{ m = "m.gguf" }', '["m.gguf"]', "models: it is not a table", "write models ="),
        ('{ m = "m.gguf" }', "{ m = 3 }", "models: it is not a table", "write models ="),
        ('{ w = "w" }', "{}", "[fleet] workloads: missing", "write workloads ="),
        ("[fleet]", '[fleet]\nskip = ["m-w-cpuu"]', "no target 'm-w-cpuu'", "did you mean m-w-cpu"),
        ("[fleet]", "[fleet]\nskip = 3", "skip: 3 is not a list", "write skip ="),
        ("[fleet]", "[fleet]\nbudgt = '1h'", "[fleet] there is no key 'budgt'", "mean budget?"),
        ("[fleet]", "[fleet]\nbudget = 'soon'", "[fleet] budget: ", ""),
        (
            "[fleet]",
            "[fleet]\ntargets = 3",
            "fleet.targets holds a table for each",
            "fleet.targets",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    read: Read, was: str, now: str, problem: str, hint: str
) -> None:
    assert was in LEAST
    with pytest.raises(UserError) as caught:
        read(LEAST.replace(was, now))
    assert problem in caught.value.message
    assert "fleet.toml" in caught.value.message
    assert hint in caught.value.hint


def test_one_target_is_checked_as_all_are(read: Read) -> None:
    with pytest.raises(UserError) as caught:
        read(f"{LEAST}\n[fleet.targets.m-w-cpu]\nbugdet = '1h'")
    assert "[fleet.targets.m-w-cpu] there is no key 'bugdet'" in caught.value.message
    assert caught.value.hint == "did you mean budget?"
    with pytest.raises(UserError, match="model: missing"):
        read("[fleet.targets.x]\ngpu = 'cpu'\nworkload = 'w'")


def test_a_fleet_without_targets_or_file(read: Read, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it has no target"):
        read("[fleet]\nbudget = '1h'")
    with pytest.raises(UserError, match="there is no fleet at"):
        read_fleet(tmp_path / "none.toml", RunRequest(workload=Path()))
    with pytest.raises(UserError, match="fleet is no table"):
        read("fleet = 3")
    with pytest.raises(UserError, match="cannot read"):
        read("[fleet")
