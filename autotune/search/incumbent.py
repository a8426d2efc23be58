"""The config in use now, from a file that ``autotune export --format json`` wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.search.space import Parameter, Space, holds


def read_incumbent(path: Path | None) -> dict[str, Setting] | None:
    """Settings that differ from the defaults, by flag name. Raises `UserError`."""
    if path is None:
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}", "give an exported JSON config") from None
    settings = data.get("settings") if isinstance(data, dict) else None
    if not isinstance(settings, dict) or not all(_is_setting(v) for v in settings.values()):
        raise UserError(
            f"{path} holds no settings", "write it with: autotune export STUDY --format json"
        )
    return dict(settings)


def _is_setting(value: object) -> bool:
    return isinstance(value, bool | int | float | str)


def adopt(space: Space, settings: dict[str, Setting]) -> tuple[Space, dict[str, Setting]]:
    """`space` widened by the incumbent's values, and the incumbent as parameter values.

    A context that was multiplied by the slots is divided again. Flags that the space does not
    vary are left to it: what is fixed stays fixed.
    """
    active = {**space.defaults, **settings}
    values = {n: _value(space.parameter(n), active) for n in settings if n in space.names}
    widened = tuple(
        _with_choice(p, values[p.name]) if p.name in values else p for p in space.parameters
    )
    return replace(space, parameters=widened), values


def _value(parameter: Parameter, active: dict[str, Setting]) -> Setting:
    value = active[parameter.name]
    slots = active.get(parameter.per_slot_of or "")
    shared = bool(parameter.shared_when) and holds(parameter.shared_when, active)
    if isinstance(value, int) and isinstance(slots, int) and slots > 1 and not shared:
        return value // slots
    return value


def _with_choice(parameter: Parameter, value: Setting) -> Parameter:
    if value in parameter.choices:
        return parameter
    choices = (*parameter.choices, value)
    if parameter.ordered:
        choices = tuple(sorted(choices, key=float))
    return replace(parameter, choices=choices)


def incumbent_engine(path: Path) -> str | None:
    """The engine, or its manifest's path, that an exported config names; ``None`` if it does not.

    Raises `UserError` like `read_incumbent`.
    """
    read_incumbent(path)
    provenance = json.loads(path.read_text(encoding="utf-8")).get("provenance")
    engine = provenance.get("engine") if isinstance(provenance, dict) else None
    return engine if isinstance(engine, str) else None
