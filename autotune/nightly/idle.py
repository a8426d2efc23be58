"""Whether the machine is free for a night: nobody computes on the card, nobody is at work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time as wall_time
from typing import Literal

from autotune.hardware.telemetry_summary import OTHER_GPU_SHARE_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleRule:
    """What counts as busy, and what is done then.

    `gpu_share` is of the card's time, in the hands of others; `cores` of the processor, ``None``
    for what a measurement bears. With `person_s`, a person who touched the machine later than so
    many seconds ago is at work. `deadline` is a time of day after which nothing is begun, by the
    machine's clock.
    """

    when_busy: Literal["wait", "skip"] = "wait"
    gpu_share: float = OTHER_GPU_SHARE_LIMIT
    cores: float | None = None
    person_s: float | None = 900.0
    deadline: wall_time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was seen; ``None`` is what cannot be told.

    `gpu_share` is what others took of the card, by whom; `cores` what others took of the processor;
    `requests` those that the endpoint works on; `person_s` since a person touched the machine.
    """

    gpu_share: float | None = None
    gpu_by: str = ""
    cores: float | None = None
    core_limit: float | None = None
    requests: int | None = None
    person_s: float | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing speaks against it. `untold` is what could not be looked at."""

    untold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Busy:
    """Why not, in words."""

    reason: str


Look = Callable[[], Looked]


def idle(seen: Looked, rule: IdleRule) -> Idle | Busy:
    """The verdict on one look."""
    reasons = (_requests(seen), _gpu(seen, rule), _cores(seen, rule), _person(seen, rule))
    reason = next((text for text in reasons if text is not None), None)
    return Busy(reason) if reason is not None else Idle(_untold(seen, rule))


def _requests(seen: Looked) -> str | None:
    if not seen.requests:
        return None
    plural = "" if seen.requests == 1 else "s"
    return f"the endpoint works on {seen.requests} request{plural}"


def _gpu(seen: Looked, rule: IdleRule) -> str | None:
    if seen.gpu_share is None or seen.gpu_share <= rule.gpu_share:
        return None
    return f"{seen.gpu_by or 'others'} took {seen.gpu_share:.0%} of the GPU's time"


def _cores(seen: Looked, rule: IdleRule) -> str | None:
    limit = rule.cores if rule.cores is not None else seen.core_limit
    if seen.cores is None or limit is None or seen.cores <= limit:
        return None
    return f"other work keeps {seen.cores:.1f} cores busy (limit {limit:.1f})"


def _person(seen: Looked, rule: IdleRule) -> str | None:
    if rule.person_s is None or seen.person_s is None or seen.person_s >= rule.person_s:
        return None
    minutes = int(seen.person_s // 60)
    when = "just now" if minutes == 0 else f"{minutes} min ago"
    return f"somebody is at work: last input {when}"


def _untold(seen: Looked, rule: IdleRule) -> tuple[str, ...]:
    told = {
        "who computes on the GPU": seen.gpu_share is not None,
        "whether the endpoint is at work": seen.requests is not None,
        "whether a person is at work": seen.person_s is not None or rule.person_s is None,
    }
    return tuple(name for name, known in told.items() if not known)
