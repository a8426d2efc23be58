"""What is left out of a search, and why: by the GPU, by what was allowed, by the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.search.setup import Setup
from autotune.search.space_file import ForbidEntry, Overlay, ParameterEntry, SpaceFile, Values

HELD_QUALITY = "can change what the model says (--quality guard searches it)"
HELD_ROLLING = "matters only to models with sliding-window or recurrent layers"
PINNED = "pinned with --set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A parameter that is not searched, values of it that are not, or a combination.

    `values` is ``None`` where nothing of it is searched; `held` is what it is fixed to then, and
    ``None`` where it is not set at all.
    """

    name: str
    why: str
    values: tuple[Setting, ...] | None = None
    held: Setting | None = None


def exclusions(setup: Setup, file: SpaceFile, overlay: Overlay | None) -> tuple[Excluded, ...]:
    """Everything of the engine's space in `file` that this search leaves out beforehand."""
    found: list[Excluded] = []
    for name, entry in file.parameters.items():
        found.extend(_parameter(setup, name, entry, overlay or Overlay()))
    found.extend(_combination(clause) for clause in file.forbid)
    return tuple(found)


def _parameter(
    setup: Setup, name: str, entry: ParameterEntry, overlay: Overlay
) -> Iterable[Excluded]:
    """At most one reason: the first that would do alone."""
    request = setup.request
    why = overlay.why.get(name, "by the profile of this GPU")
    if name in request.pins:
        yield Excluded(name=name, why=PINNED, held=request.pins[name])
    elif name in overlay.drop:
        yield Excluded(name=name, why=why)
    elif name in overlay.fix:
        yield Excluded(name=name, why=why, held=overlay.fix[name])
    elif entry.only_for == "rolling-state" and setup.model.can_roll_back:
        yield Excluded(name=name, why=HELD_ROLLING, held=entry.default)
    elif entry.quality and not request.searches_quality:
        yield Excluded(name=name, why=HELD_QUALITY, held=entry.default)
    else:
        yield from _narrowed(name, entry, overlay, why)


def _narrowed(name: str, entry: ParameterEntry, overlay: Overlay, why: str) -> Iterable[Excluded]:
    kept = overlay.choices.get(name, entry.choices)
    default = overlay.defaults.get(name, entry.default)
    gone = tuple(value for value in entry.choices if value not in kept and value != default)
    if gone:
        yield Excluded(name=name, why=why, values=gone)


def _combination(clause: ForbidEntry) -> Excluded:
    return Excluded(name=_condition(clause.when), why=clause.why, values=())


def _condition(when: Mapping[str, Values]) -> str:
    """``flash-attn=off with cache-type-v=q8_0|q4_0``."""
    return " with ".join(f"{name}={_either(values)}" for name, values in when.items())


def _either(values: Values) -> str:
    listed = values if isinstance(values, list) else [values]
    return "|".join(str(value) for value in listed)
