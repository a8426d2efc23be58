"""What a comparison tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autotune.records import TurnRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Everything is known; what is measured next is for the verdict.

    `known` is how many whole blocks an earlier run left. `serves` says what answers in each arm.
    """

    folder: str
    arms: tuple[str, ...]
    serves: Mapping[str, str]
    sessions: int
    turns: int
    deepest_tokens: int
    until: float
    blocks: int | None
    budget_s: float | None
    known: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surveying:
    """An engine is started to count the workload's prompts."""

    engine: str


@dataclass(frozen=True, slots=True)
class ArmStarted:
    """A block of an arm begins."""

    arm: str
    block: int
    turns: int


@dataclass(frozen=True, slots=True)
class ArmTurn:
    """A turn ended: the `done`-th of its block."""

    arm: str
    record: TurnRecord
    done: int


@dataclass(frozen=True, slots=True)
class ArmEnded:
    """A block of an arm is over; `failure` is why it counts nowhere."""

    arm: str
    block: int
    seconds: float
    failure: str | None = None
    ttft_p50_s: float | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True)
class BlockEnded:
    """Every arm was measured once more. `widest` is the widest half-width that matters yet."""

    block: int
    widest: float | None
    until: float
    seconds_left: float | None


CompareEvent = Opened | Surveying | ArmStarted | ArmTurn | ArmEnded | BlockEnded
Listener = Callable[[CompareEvent], None]
