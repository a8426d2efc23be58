"""From a fleet's file to its targets: every model on every workload on every kind of GPU.

A target is one of `autotune.nightly.targets`, written in the same words: what stands in ``[fleet]``
is for all of them, and ``[fleet.targets.NAME]`` says what differs for one, or adds one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.nightly.target_file import FLEET, TARGETS, Root, read_toml, targets_from
from autotune.nightly.targets import Target
from autotune.search.request import RunRequest
from autotune.search.setup import slug

GPUS, MODELS, WORKLOADS, SKIP = "gpus", "models", "workloads", "skip"

_ROOT = Root(FLEET, (GPUS, MODELS, WORKLOADS, SKIP, TARGETS))
_SEE = "docs/fleet.md has one to begin with"


@dataclass(frozen=True, slots=True)
class Fleet:
    """The targets of a file, by name, in its order."""

    path: Path
    targets: Mapping[str, Target]


def read_fleet(path: Path, base: RunRequest) -> Fleet:
    """The fleet in `path`. `base` holds what is set for every run: a target says what differs.

    A relative path in it is relative to the file. Raises `UserError` for anything that is wrong,
    naming the file, the table and the key.
    """
    if not path.is_file():
        raise UserError(f"there is no fleet at {path}", f"write one: {_SEE}")
    data = read_toml(path)
    for key in data:
        if key != FLEET:
            near = "did you mean [fleet]?" if get_close_matches(key, [FLEET]) else _SEE
            raise UserError(f"{path}: there is no key {key!r}", near)
    table = data.get(FLEET, {})
    if not isinstance(table, Mapping):
        raise UserError(f"{path}: fleet is no table", f"write [fleet]; {_SEE}")
    own = table.get(TARGETS, {})
    made = _product(table, path)
    if isinstance(own, Mapping):
        made = {**made, **{name: _over(made.get(name), row) for name, row in own.items()}}
        made = _without_skipped(made, table, path)
    targets = targets_from({**table, TARGETS: made if isinstance(own, Mapping) else own}, base,
                           path, _ROOT)  # fmt: skip
    if not targets:
        raise _wrong(path, "it has no target", f"write gpus, models and workloads; {_SEE}")
    return Fleet(path, targets)


def _product(table: Mapping[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    """A target for each model on each workload on each kind of GPU."""
    gpus = _gpus(table, path)
    models, workloads = _paths(table, MODELS, path), _paths(table, WORKLOADS, path)
    made: dict[str, dict[str, Any]] = {}
    for (model, model_path), (work, work_path), gpu in product(
        models.items(), workloads.items(), gpus
    ):
        name = f"{model}-{work}-{slug(gpu)}"
        if name in made:
            raise _wrong(path, f"{name} is the name of two targets", "call a model or workload "
                         "otherwise, or name each GPU once")  # fmt: skip
        made[name] = {"gpu": gpu, "model": model_path, "workload": work_path}
    if not made and any(key in table for key in (GPUS, MODELS, WORKLOADS)):
        missing = next(key for key in (GPUS, MODELS, WORKLOADS) if not table.get(key))
        raise _wrong(path, f"{missing}: missing", _EXAMPLES[missing])
    return made


_EXAMPLES = {
    GPUS: 'write gpus = ["3090", "4090"]',
    MODELS: 'write models = { coder = "/models/coder.gguf" }',
    WORKLOADS: 'write workloads = { agents = "captures" }',
}


def _gpus(table: Mapping[str, Any], path: Path) -> Sequence[str]:
    gpus = table.get(GPUS, [])
    if not isinstance(gpus, list) or not all(isinstance(g, str) and g.strip() for g in gpus):
        raise _wrong(path, f"gpus: {gpus!r} is not a list of GPUs", _EXAMPLES[GPUS])
    return gpus


def _paths(table: Mapping[str, Any], key: str, path: Path) -> Mapping[str, str]:
    rows = table.get(key, {})
    if not isinstance(rows, Mapping) or not all(isinstance(v, str) and v for v in rows.values()):
        raise _wrong(path, f"{key}: it is not a table of names and paths", _EXAMPLES[key])
    return rows


def _over(below: Mapping[str, Any] | None, own: Any) -> Any:
    """What is said of one target, over what the product makes of it."""
    return {**(below or {}), **own} if isinstance(own, Mapping) else own


def _without_skipped(
    made: Mapping[str, Any], table: Mapping[str, Any], path: Path
) -> dict[str, Any]:
    skip = table.get(SKIP, [])
    if not isinstance(skip, list):
        raise _wrong(path, f"skip: {skip!r} is not a list of targets", 'write skip = ["a-b-3090"]')
    for name in skip:
        if name not in made:
            near = get_close_matches(str(name), list(made), n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"targets: {', '.join(made)}"
            raise _wrong(path, f"skip: there is no target {name!r}", hint)
    return {name: row for name, row in made.items() if name not in skip}


def _wrong(path: Path, problem: str, hint: str) -> UserError:
    return UserError(f"{path}: [{FLEET}] {problem}", hint)


def named(fleet: Fleet, asked: Sequence[str]) -> Iterator[Target]:
    """The targets that are `asked` for, or all. Raises `UserError` for one that is not there."""
    for name in dict.fromkeys(asked or fleet.targets):
        if name not in fleet.targets:
            near = get_close_matches(name, list(fleet.targets), n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"targets: {', '.join(fleet.targets)}"
            raise UserError(f"there is no target {name!r} in {fleet.path}", hint)
        yield fleet.targets[name]
