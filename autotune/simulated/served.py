"""What an engine under given settings makes of a plan, before any noise: the engines' seam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from autotune.candidate import Setting
from autotune.launchers.failure import Failure
from autotune.simulated.prompts import PlanShape

Settings = Mapping[str, Setting]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One prompt answered.

    Attributes:
        cached, computed: prompt tokens reused, and prefilled.
        first_s: until the first token, without waiting for others. decode_s: from there to the
            last.
        steps: decode steps. drafted, accepted: tokens of drafts.
        moved_s: of `first_s`, what state that was moved took.
        device_bytes, host_bytes: of memory while it ran.
        failure: why it was not answered after all, in which case it took `first_s`.
    """

    cached: int
    computed: int
    first_s: float
    decode_s: float
    steps: float
    drafted: int | None = None
    accepted: int | None = None
    moved_s: float = 0.0
    device_bytes: int | None = None
    host_bytes: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A whole plan on one server. `failure` is why it never got ready; `turns` is empty then.

    `slots` prompts at most are worked on at once.
    """

    load_s: float
    stop_s: float
    warm_up_s: float
    turns: tuple[Served, ...]
    slots: int
    effective: Settings
    failure: Failure | None = None


class Engine(Protocol):
    """One engine with one model on one machine."""

    name: str

    def run(self, settings: Settings, shape: PlanShape) -> Run:
        """What it makes of the prompts of `shape`, one after the other. Always the same."""
        ...
