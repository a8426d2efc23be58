"""Turns that were not alone on the machine: the rule for one, and for a whole measurement.

A turn is contaminated when others took the processor, the hypervisor took it, heat or the power
supply held the card's clocks down, others computed on the card, memory was pushed out to disk, or
when the client's decode rate and the engine's own differ grossly: then the client was starved, and
read late what had long been written. The limits are those of a whole measurement
(`autotune.hardware.telemetry_summary`), twice as wide where a turn was too short for more than a
look or two at the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from autotune.hardware.gpu import FORCED_SLOWDOWN
from autotune.hardware.telemetry_summary import (
    BURST_FACTOR,
    MIN_SAMPLES,
    OTHER_GPU_SHARE_LIMIT,
    STEAL_SHARE_LIMIT,
    SWAP_GROWTH_LIMIT_BYTES,
    other_cores_limit,
)
from autotune.records import TurnMachine, TurnRecord

MARK = "contaminated"
"""In `TurnRecord.mark` of such a turn."""

RATE_FACTOR = 3.0
"""Client and engine count the same tokens over the same seconds: a draft that is accepted at the
end, a first token more or less make some tens of percent, never this much."""

RATE_LEAST_TOKENS = 16
"""Of a shorter reply, one burst of accepted drafts may be most of it."""

RATE_LEAST_S = 0.1
"""Of decoding: over less, an engine's and a client's turn on the processor make the difference."""

TURN_SHARE = 0.1
"""A measurement with more contaminated turns than this is spoiled; medians bear fewer."""

LEAST_SECONDS = 3.0
"""The machine is looked at once a second: of less than this it is not told what disturbed it."""


def contamination(record: TurnRecord, cores: int) -> str | None:
    """Why a turn on a machine of `cores` logical processors is contaminated; ``None`` if not.

    A failed turn is not: it is scored by its failure.
    """
    if not record.ok:
        return None
    machine = record.machine
    found = None if machine is None else next(_disturbances(machine, cores), None)
    return found or rate_disagreement(record)


def marked(record: TurnRecord, cores: int) -> TurnRecord:
    """`record` with its `MARK` where it is contaminated and has no mark yet."""
    if record.mark is not None or contamination(record, cores) is None:
        return record
    return replace(record, mark=MARK)


def rate_disagreement(record: TurnRecord) -> str | None:
    """The client's decode rate beside the engine's own, where they differ grossly.

    Where everything arrived at once there is no rate of the client's at all, though the engine
    took its time over it. ``None`` for engines that time nothing and for replies that are short.
    """
    tokens, seconds = record.output_tokens, record.server_decode_s
    if tokens is None or seconds is None or not _is_timed(record):
        return None
    engine_tps = (tokens - 1) / seconds
    told = f"the engine decoded {engine_tps:.0f} tok/s"
    if record.decode_tps is None:
        return f"the reply was read all at once, where {told}"
    ratio = record.decode_tps / engine_tps
    if 1 / RATE_FACTOR <= ratio <= RATE_FACTOR:
        return None
    return f"the client read {record.decode_tps:.0f} tok/s, where {told}"


def _is_timed(record: TurnRecord) -> bool:
    """Whether the engine timed enough tokens for its rate to be held against."""
    long_enough = (record.server_decode_s or 0.0) >= RATE_LEAST_S
    return long_enough and (record.output_tokens or 0) >= RATE_LEAST_TOKENS


def _disturbances(machine: TurnMachine, cores: int) -> Iterator[str]:
    """What passed its limit while a turn ran, in words."""
    few = BURST_FACTOR if machine.looks < MIN_SAMPLES else 1.0
    if _above(machine.other_cores, few * other_cores_limit(cores)):
        yield f"other processes kept {machine.other_cores:.2f} cores busy"
    if _above(machine.steal_share, few * STEAL_SHARE_LIMIT):
        yield f"the hypervisor took {machine.steal_share:.0%} of the processor"
    if _above(machine.swap_delta_bytes, SWAP_GROWTH_LIMIT_BYTES):
        yield f"swap grew by {(machine.swap_delta_bytes or 0) / 2**20:.0f} MiB"
    if (machine.throttle or 0) & FORCED_SLOWDOWN:
        yield "heat or the power supply held the GPU's clocks down"
    if _above(machine.other_gpu_share, few * OTHER_GPU_SHARE_LIMIT):
        yield f"other processes took {machine.other_gpu_share:.0%} of the GPU"


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


@dataclass(frozen=True, slots=True)
class Contaminated:
    """Of one measurement, or of several: how many of its turns are contaminated.

    `seconds` is what they took, `of_seconds` what all turns took.
    """

    turns: int
    of: int
    seconds: float
    of_seconds: float

    @property
    def share(self) -> float:
        """Of the turns; 0 of none."""
        return self.turns / self.of if self.of else 0.0

    @property
    def spoiled(self) -> bool:
        """Whether the measurement as a whole must not be trusted.

        Where every single turn is marked for its rate alone, that is how the engine sends.
        """
        return self.share > TURN_SHARE


def contaminated(records: Sequence[TurnRecord]) -> Contaminated:
    """Count the marked turns among the good ones of `records`.

    Marks of replays shorter than `LEAST_SECONDS` count only where client and engine disagree, and
    those not at all where every turn with a rate of the engine's does: such an engine buffers.
    """
    good = [r for r in records if r.ok]
    spent_s = sum(r.wall_s or 0.0 for r in good)
    hits = [r for r in good if r.mark == MARK and _counts(r, good, spent_s)]
    return Contaminated(len(hits), len(good), sum(r.wall_s or 0.0 for r in hits), spent_s)


def _counts(record: TurnRecord, good: Sequence[TurnRecord], spent_s: float) -> bool:
    if rate_disagreement(record) is None:
        return spent_s >= LEAST_SECONDS
    timed = [r for r in good if _is_timed(r)]
    return len(timed) == 1 or any(rate_disagreement(r) is None for r in timed)


def reasons(records: Sequence[TurnRecord], cores: int) -> tuple[str, ...]:
    """Why turns of `records` are marked, each reason once, as first seen."""
    told = (contamination(r, cores) for r in records if r.mark == MARK)
    return tuple(dict.fromkeys(reason for reason in told if reason))
