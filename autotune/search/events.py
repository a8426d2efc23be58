"""What a run tells whoever watches it. The search never prints: it sends these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything is known and nothing is launched yet."""

    study: str
    study_dir: str
    engine: str
    engine_version: str
    model: str
    gpu: str
    workload_sessions: int
    workload_turns: int
    held_out_sessions: int
    deepest_tokens: int
    depth_label: str
    parameters: int
    trials_done: int
    trials_wanted: int | None
    budget_s: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial is about to launch. `changes` is what differs from the baseline."""

    number: int
    changes: dict[str, Any]
    label: str = ""


@dataclass(frozen=True, slots=True)
class TurnDone:
    """One turn of the running measurement ended."""

    done: int
    total: int
    ttft_s: float | None
    decode_tps: float | None


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """A trial ended: scored, stopped early, or failed with a kind and a reason.

    Of one that was stopped early `value` is an estimate and the other figures are absent.
    """

    number: int
    changes: dict[str, Any]
    turn_s: float | None
    ttft_p50_s: float | None
    decode_p50_tps: float | None
    value: float | None
    seconds: float
    failure: str | None = None
    reason: str | None = None
    log_path: str | None = None
    stopped_early: bool = False
    is_best: bool = False
    best_number: int | None = None
    best_value: float | None = None
    seconds_left: float | None = None
    trials_done: int = 0


@dataclass(frozen=True, slots=True)
class ConfirmStarted:
    """The confirmation begins: which arms, over how many sessions, in how many blocks at most.

    Without the default among the arms it is the heat that chooses which trial is confirmed.
    """

    arms: tuple[str, ...]
    sessions: int
    held_out: bool
    blocks: int


@dataclass(frozen=True, slots=True)
class ConfirmBlock:
    """One block of one arm is measured."""

    arm: str
    block: int
    turn_s: float | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class BucketRow:
    """One depth bucket, default against winner. Absent is ``None``."""

    bucket: str
    turns: int
    ttft_p50_s_before: float | None
    ttft_p50_s_after: float | None
    decode_p50_tps_before: float | None
    decode_p50_tps_after: float | None
    cached_share_before: float | None
    cached_share_after: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended, in figures; the verdict sentence is in words.

    `speedup` is default's objective over the winner's, above 1 is faster, with its interval.
    `exit_code` is an `ExitCode`.
    """

    study: str
    study_dir: str
    exit_code: int
    verdict: str
    winner: int | None
    speedup: float | None
    interval: tuple[float, float] | None
    changes: dict[str, Any] = field(default_factory=dict)
    before: dict[str, float | None] = field(default_factory=dict)
    after: dict[str, float | None] = field(default_factory=dict)
    buckets: tuple[BucketRow, ...] = ()
    launch_command: str | None = None
    exports: tuple[str, ...] = ()
    trials: int = 0
    failed: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    resume: str | None = None
    notes: tuple[str, ...] = ()


Event = Prepared | TrialStarted | TurnDone | TrialFinished | ConfirmStarted | ConfirmBlock | Summary


class Listener(Protocol):
    """Receives events in order, from the thread that runs the search."""

    def __call__(self, event: Event) -> None:
        """Show it, log it or drop it; never raise."""
        ...
