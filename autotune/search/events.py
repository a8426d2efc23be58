"""What a run tells whoever watches it. The search never prints: it sends these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from autotune.scoring.ranks import ChartVerdict
from autotune.scoring.warmth import KindScore


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
class EngineFacts:
    """One engine of a contest. Depths are of the scored turns, in tokens as this engine counts."""

    engine: str
    engine_version: str
    model: str
    depth_label: str
    deepest_tokens: int
    parameters: int
    trials_done: int


@dataclass(frozen=True, slots=True)
class ContestPrepared:
    """Everything is known of every engine that is compared.

    `baseline` is the engine whose default, or whose incumbent, the others are compared with.
    """

    study: str
    study_dir: str
    gpu: str
    baseline: str
    engines: tuple[EngineFacts, ...]
    workload_sessions: int
    workload_turns: int
    held_out_sessions: int
    trials_done: int
    trials_wanted: int | None
    budget_s: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineChosen:
    """Which engine gets the next trial. `chances` to hold the winner are empty in the first rounds.

    `out` are engines that get no more trials, as things stand.
    """

    engine: str
    chances: dict[str, float] = field(default_factory=dict)
    out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial is about to launch. `changes` is what differs from the baseline.

    `engine` is ``None`` where only one is tuned.
    """

    number: int
    changes: dict[str, Any]
    label: str = ""
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class TurnDone:
    """One turn of the running measurement ended; `rung` is one that goes ahead of the plan."""

    done: int
    total: int
    ttft_s: float | None
    decode_tps: float | None
    rung: str = ""


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """A trial ended: scored, stopped early, or failed with a kind and a reason.

    Of one that was stopped early `value` is an estimate and the other figures are absent. Where
    several engines are tuned, what is best is so among all of them, and `best_engine` holds it.
    `kinds` tells cold, partial and warm turns apart, over the whole trial as `total_wait_s` is.
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
    engine: str | None = None
    best_engine: str | None = None
    ttft_p95_s: float | None = None
    total_wait_s: float | None = None
    kinds: tuple[KindScore, ...] = ()


MORE = "more"
"""The stage of blocks that are added to a verdict that is open."""


@dataclass(frozen=True, slots=True)
class ConfirmStarted:
    """The confirmation begins: which arms, over how many sessions, in how many blocks at most.

    Without the `baseline` among the arms it is the heat that chooses which trial is confirmed.
    `stage` is ``effects`` where it tells what each change of the baseline is worth, and ``more``
    where blocks are added to a verdict that is open.
    """

    arms: tuple[str, ...]
    sessions: int
    held_out: bool
    blocks: int
    baseline: str = "default"
    stage: str = "confirm"


@dataclass(frozen=True, slots=True)
class ConfirmBlock:
    """One block of one arm is measured."""

    arm: str
    block: int
    turn_s: float | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class HoldStarted:
    """A winner is about to be filled: how deep, over how many sessions and about how many turns."""

    arm: str
    tokens: int
    sessions: int
    turns: int


@dataclass(frozen=True, slots=True)
class HoldFinished:
    """A winner was filled, or is known to have been: whether it held, and that in words."""

    arm: str
    holds: bool
    sentence: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AnchorMeasured:
    """The default was measured again, after trial `after`.

    `shift` is the log of its time over that at the look before, ``None`` where too little pairs;
    `floor` the log-ratio that it is held against. `doubtful` trials are to be measured again.
    """

    after: int
    shift: float | None
    floor: float
    disagrees: bool
    doubtful: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BucketRow:
    """One depth bucket, default against winner. Absent is ``None``.

    `kinds_*` has a row for each kind of turn (cold, partial, warm) that there is in the bucket.
    """

    bucket: str
    turns: int
    ttft_p50_s_before: float | None
    ttft_p50_s_after: float | None
    decode_p50_tps_before: float | None
    decode_p50_tps_after: float | None
    cached_share_before: float | None
    cached_share_after: float | None
    ttft_p95_s_before: float | None = None
    ttft_p95_s_after: float | None = None
    total_wait_s_before: float | None = None
    total_wait_s_after: float | None = None
    kinds_before: tuple[KindScore, ...] = ()
    kinds_after: tuple[KindScore, ...] = ()


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One config of one engine in the confirmation. Absent is ``None``.

    `role` is ``default``, ``best`` or ``incumbent``; `depth` is of the scored turns, in tokens as
    this engine counts. `speedup` is the baseline's objective over this one's, with its interval;
    ``None`` for the baseline itself.
    """

    engine: str
    role: str
    trial: int
    changes: dict[str, Any]
    depth: str
    turns: int
    ttft_p50_s: float | None
    decode_p50_tps: float | None
    turn_s: float | None
    total_wait_s: float | None
    speedup: float | None = None
    interval: tuple[float, float] | None = None
    failure: str | None = None
    ttft_p95_s: float | None = None
    kinds: tuple[KindScore, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended, in figures; the verdict sentence is in words.

    `speedup` is default's objective over the winner's, above 1 is faster, with its interval.
    `exit_code` is an `ExitCode`. Of several engines `engine` is the winner's, and `arms` has a row
    for each config that was confirmed. `held` is what filling the winner showed, as plain data,
    `noise` what is known of the machine's noise (`autotune.search.steadiness`), `ladder` what each
    rung cost and how far it could be trusted (`autotune.search.ladder_report`). `reuse` explains
    the prefix reuse of the default and of what stands beside it (`autotune.scoring.reuse_summary`).
    `kinds_*` tell cold, partial and warm turns apart, over all turns; `usual_chart` is what the
    usual benchmark says of the same configs, ``None`` where fewer than two were asked. `effects`
    has a row for each change of the winner (`autotune.search.effects`), `needless` one for each
    that it was found to do without, and `importance` what set good trials apart
    (`autotune.search.importance`). `in_use` is how the config in use came off, where one was named
    (`autotune.search.in_use`).
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
    engine: str | None = None
    arms: tuple[ArmRow, ...] = ()
    held: dict[str, Any] | None = None
    quality: dict[str, Any] | None = None
    kinds_before: tuple[KindScore, ...] = ()
    kinds_after: tuple[KindScore, ...] = ()
    usual_chart: ChartVerdict | None = None
    reuse: dict[str, dict[str, Any]] = field(default_factory=dict)
    noise: dict[str, Any] | None = None
    ladder: tuple[dict[str, Any], ...] = ()
    early_stop: dict[str, float] | None = None
    effects: tuple[dict[str, Any], ...] = ()
    needless: tuple[dict[str, Any], ...] = ()
    importance: dict[str, Any] | None = None
    in_use: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that whoever watches should know, in a line."""

    text: str


Event = (
    Prepared
    | ContestPrepared
    | EngineChosen
    | TrialStarted
    | TurnDone
    | TrialFinished
    | ConfirmStarted
    | ConfirmBlock
    | AnchorMeasured
    | HoldStarted
    | HoldFinished
    | Notice
    | Summary
)


class Listener(Protocol):
    """Receives events in order, from the thread that runs the search."""

    def __call__(self, event: Event, /) -> None:
        """Show it, log it or drop it; never raise."""
        ...
