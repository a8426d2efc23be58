"""Which targets there are: those of this folder's ``autotune.toml``, and those that left nights."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from autotune.cli.settings import validated
from autotune.cli.user_cache import noise_folder
from autotune.config import Locations, Settings, read_layers
from autotune.config.layers import closest
from autotune.config.values import EVERY_ENGINE
from autotune.errors import UserError

if TYPE_CHECKING:
    from autotune.nightly.targets import Target
    from autotune.search.request import RunRequest

Row = TypeVar("Row")

_HOW = "write [nightly.targets.NAME] in it: docs/nightly.md has one to begin with"
_OTHERWISE = {
    *("display", "engine", "engine_path", "model", "workload", "budget"),
    *("study", "incumbent", "set_", "fix", "space"),
}
"""Settings that are no field of a request by the same name, or are each night's own."""


def targets_here(studies_dir: Path) -> dict[str, Target]:
    """The targets of ``./autotune.toml`` by name, in its order; none where there are none.

    What a target does not say is as the settings of this folder have it. Where ``[nightly]`` names
    a fleet, those of its targets whose GPU is on this host are among them. Raises `UserError` for
    anything that is wrong, naming the file, the table and the key.
    """
    from autotune.nightly.target_file import fleet_named, read_targets

    project, base = Locations.of(os.environ, Path.cwd()).project_file, folder_request(studies_dir)
    targets, fleet = read_targets(project, base), fleet_named(project)
    return targets if fleet is None else {**targets, **_fleet_here(fleet, base, targets)}


def folder_request(studies_dir: Path) -> RunRequest:
    """What the settings of this folder say of every run. Raises `UserError`."""
    layers = read_layers(Locations.of(os.environ, Path.cwd()))
    return base_request(validated(Settings, layers, "autotune nightly"), studies_dir)


def _fleet_here(path: Path, base: RunRequest, known: Mapping[str, Target]) -> dict[str, Target]:
    """The targets of a fleet whose GPU is on this host."""
    from autotune.fleet.fleet_file import read_fleet
    from autotune.fleet.whereabouts import targets_of_host
    from autotune.hardware.probe import gpu_probe

    with gpu_probe() as probe:
        found = targets_of_host(read_fleet(path, base).targets.values(), probe.gpus())
    for name in found:
        if name in known:
            raise UserError(
                f"{name} is a target of {path} and of autotune.toml",
                "call one of them otherwise: what is kept of them goes by their names",
            )
    return found


def base_request(settings: Settings, studies_dir: Path) -> RunRequest:
    """What the settings say of every run. Those that name an engine are for other commands."""
    from autotune.search.request import RunRequest

    fields = {n: getattr(settings, n) for n in Settings.model_fields if n not in _OTHERWISE}
    return RunRequest(
        **{
            **fields,
            "studies_dir": studies_dir,
            "engine": settings.engine,
            "engine_path": (settings.engine_path or {}).get(EVERY_ENGINE),
            "model": (settings.model or {}).get(EVERY_ENGINE),
            "workload": settings.workload or Path(),
            "budget_s": settings.budget,
            "pins": _of_every_engine(settings.set_),
            "fixes": _of_every_engine(settings.fix),
            "tables": _of_every_engine(settings.space.get("parameters", {})),
            "noise_cache": noise_folder(os.environ),
        }
    )


def _of_every_engine(table: Mapping[str, Row]) -> dict[str, Row]:
    """The rows that name no engine: ``vllm:block-size`` names one."""
    return {name: value for name, value in table.items() if ":" not in name}


def demand_targets(studies_dir: Path, asked: Sequence[str]) -> tuple[Target, ...]:
    """The targets that are meant: those `asked` for, or all.

    Raises `UserError` where there is none, and for one that is not there.
    """
    known = targets_here(studies_dir)
    if not known:
        raise UserError(f"there is no target in {Path.cwd() / 'autotune.toml'}", _HOW)
    for name in asked:
        if name not in known:
            raise _unknown(name, known)
    return tuple(known[name] for name in dict.fromkeys(asked or known))


def past_targets(studies_dir: Path) -> tuple[str, ...]:
    """Targets that have had a night, by name; some of them may not be in the file any more."""
    from autotune.nightly.prune import nightly_folder

    folder = nightly_folder(studies_dir)
    found = folder.iterdir() if folder.is_dir() else iter(())
    return tuple(sorted(path.name for path in found if _has_state(path)))


def _has_state(path: Path) -> bool:
    return any((path / name).exists() for name in ("nights", "generations", "journal.jsonl"))


def one_or_all(asked: str | None, known: Iterable[str]) -> tuple[str, ...]:
    """The target that is asked for, or all. Raises `UserError` for one that is not known."""
    names = tuple(dict.fromkeys(known))
    if asked is None:
        return names
    if asked not in names:
        raise _unknown(asked, names)
    return (asked,)


def _unknown(name: str, known: Iterable[str]) -> UserError:
    near = closest(name, known)
    listed = ", ".join(known) or "none; docs/nightly.md says how to write one"
    hint = f"did you mean {near}?" if near else f"targets: {listed}"
    return UserError(f"there is no target {name!r}", hint)
