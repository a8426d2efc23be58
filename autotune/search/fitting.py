"""What of a search space fits in memory, as far as it can be told without a launch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autotune.candidate import Candidate, Setting
from autotune.search.feasibility import Feasibility
from autotune.search.room import CONTEXT_FLAGS
from autotune.search.space import Space, to_settings

SLOT_FLAGS = ("parallel", "max-num-seqs", "max-running-requests")
"""What engines call the number of sessions at a time."""

STEP_TOKENS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One configuration: the baseline with `changes`.

    Bytes are the least that it takes, ``None`` where that cannot be worked out. `why` says what
    is lacking where it does not fit.
    """

    name: str
    changes: Mapping[str, Setting]
    device_bytes: int | None
    host_bytes: int | None
    fits: bool
    why: str | None = None

    @property
    def bytes(self) -> tuple[int | None, int | None]:
        """On the GPU and on the host."""
        return self.device_bytes, self.host_bytes


def fits(space: Space, feasibility: Feasibility) -> tuple[Fit, ...]:
    """The baseline, and every start and single change of it that takes other memory or does not
    fit."""
    base = _fit("baseline", {}, space, feasibility)
    starts = ((start.name, start.settings) for start in space.starts)
    rest = (_fit(name, changes, space, feasibility) for name, changes in (*starts, *_single(space)))
    return (base, *(fit for fit in rest if not fit.fits or fit.bytes != base.bytes))


def largest_context(space: Space, feasibility: Feasibility, trained: int) -> int | None:
    """The most context tokens that one session can have, at most `trained`, by memory alone.

    ``None`` where the engine's flag for it is not known, or memory cannot be worked out. A lower
    bound of memory makes it an upper bound of context.
    """
    defaults = to_settings(space, space.defaults)
    context = next((name for name in CONTEXT_FLAGS if name in defaults), None)
    if context is None or feasibility.estimate(defaults) is None:
        return None
    slots = {name: 1 for name in SLOT_FLAGS if name in defaults}

    def fitting(steps: int) -> bool:
        settings = {**defaults, **slots, context: steps * STEP_TOKENS}
        return feasibility.unlaunchable(Candidate(settings)) is None

    low, high = 0, max(1, trained // STEP_TOKENS)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fitting(middle) else (low, middle - 1)
    return low * STEP_TOKENS


def _single(space: Space) -> Iterator[tuple[str, Mapping[str, Setting]]]:
    for parameter in space.parameters:
        for value in parameter.choices:
            if value != parameter.default:
                yield f"{parameter.name}={word(value)}", {parameter.name: value}


def word(value: Setting) -> str:
    """A value as an engine spells it: switches are ``true`` and ``false``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fit(name: str, changes: Mapping[str, Setting], space: Space, feasibility: Feasibility) -> Fit:
    settings = to_settings(space, {**space.defaults, **changes})
    need = feasibility.estimate(settings)
    refused = feasibility.refusal(Candidate(settings))
    return Fit(
        name=name,
        changes=dict(changes),
        device_bytes=None if need is None else need.device_bytes,
        host_bytes=None if need is None else need.host_bytes,
        fits=refused is None,
        why=None if refused is None else refused.message,
    )
