"""What an engine under given settings makes of a plan, before any noise: the engines' seam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind
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

    @property
    def name(self) -> str:
        """As the launcher is called."""
        ...

    def run(self, settings: Settings, shape: PlanShape) -> Run:
        """What it makes of the prompts of `shape`, one after the other. Always the same."""
        ...


def refused(kind: FailureKind, words: str, load_s: float, settings: Settings) -> Run:
    """A server that never got ready, and how long it took to say so."""
    return unready(Failure(kind, words), load_s, settings)


def unready(failure: Failure, load_s: float, settings: Settings) -> Run:
    """The same with a failure that is put together already."""
    return Run(
        load_s=load_s, stop_s=0.0, warm_up_s=0.0, turns=(), slots=0, effective=settings,
        failure=failure,
    )  # fmt: skip


def unanswered(failure: Failure, after_s: float) -> Served:
    """A prompt that got no answer, `after_s` seconds after it was sent."""
    return Served(cached=0, computed=0, first_s=after_s, decode_s=0.0, steps=0, failure=failure)
