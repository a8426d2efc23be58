"""Events of a search as plain JSON objects, to be told on another host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, cast, get_args

from autotune.errors import MachineError
from autotune.search.events import Event, TurnDone

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}

_NOT_TOLD = (TurnDone,)
"""Turns end many times a second over all the workers, and nobody follows them all."""


def to_wire(event: Event) -> dict[str, Any] | None:
    """`event` as a JSON object; ``None`` for one that is not told on another host."""
    if isinstance(event, _NOT_TOLD):
        return None
    return {"event": type(event).__name__, "fields": asdict(event)}


def from_wire(row: Mapping[str, Any]) -> Event:
    """The event that `to_wire` gave. Raises `MachineError` for anything else."""
    from pydantic import TypeAdapter, ValidationError

    kind, values = _KINDS.get(str(row.get("event"))), row.get("fields")
    if kind is None or not isinstance(values, dict) or not _fits(kind, values):
        raise _unknown(row)
    try:
        return cast("Event", TypeAdapter(kind).validate_python(values))
    except ValidationError:
        raise _unknown(row) from None


def _fits(kind: type[Any], values: Mapping[str, Any]) -> bool:
    return is_dataclass(kind) and set(values) <= {f.name for f in fields(kind)}


def _unknown(row: Mapping[str, Any]) -> MachineError:
    return MachineError(
        f"a worker told something that is not understood here ({str(row.get('event'))[:40]!r})",
        "install the same autotune on every host: autotune --version",
    )
