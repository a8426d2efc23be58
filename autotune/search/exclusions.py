"""What is left out of a search, and why: by the GPU, by what was allowed, by the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.search.run_space import RunSpace
from autotune.search.setup import Setup
from autotune.search.space_build import ROLLING_STATE
from autotune.search.space_circumstances import WHY, circumstances_of
from autotune.search.space_entries import ForbidEntry, Overlay, ParameterEntry, Values

HELD_QUALITY = "can change what the model says (--quality guard searches it)"


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


def exclusions(setup: Setup, asked: RunSpace) -> tuple[Excluded, ...]:
    """Everything of the engine's space that this search leaves out beforehand.

    Not what nobody searches unless it is asked for: that is in the space's file.
    """
    found: list[Excluded] = []
    for name, entry in asked.file.parameters.items():
        if entry.searched or name in asked.said.pins:
            found.extend(_parameter(setup, asked, name, entry))
    found.extend(_combination(clause) for clause in asked.file.forbid)
    return tuple(found)


def _parameter(
    setup: Setup, asked: RunSpace, name: str, entry: ParameterEntry
) -> Iterable[Excluded]:
    """At most one reason: the first that would do alone."""
    request, overlay, pins = setup.request, asked.overlay or Overlay(), asked.said.pins
    why = overlay.why.get(name, "by the profile of this GPU")
    here = circumstances_of(setup, asked.file, pins)
    if name in pins:
        yield Excluded(name=name, why=_pinned_by(name, request.fixes), held=pins[name])
    elif name in overlay.drop:
        yield Excluded(name=name, why=why)
    elif name in overlay.fix:
        yield Excluded(name=name, why=why, held=overlay.fix[name])
    elif entry.only_for == ROLLING_STATE and setup.model.can_roll_back:
        yield Excluded(name=name, why=WHY[ROLLING_STATE], held=entry.default)
    elif entry.only_for not in (None, ROLLING_STATE, *here):
        yield Excluded(name=name, why=WHY[str(entry.only_for)])
    elif entry.quality and not request.searches_quality:
        yield Excluded(name=name, why=HELD_QUALITY, held=entry.default)
    else:
        yield from _narrowed(name, entry, overlay, why)


def _pinned_by(name: str, fixes: Mapping[str, Setting]) -> str:
    return f"pinned with --{'fix' if name in fixes else 'set'}"


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
