"""What one replayed turn left behind: the unit of every score, file and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

SCHEMA_VERSION = "turn-record/1"

_HOSTED = ("cache_write_tokens", "cost_usd", "provider", "retries", "mark")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnMachine:
    """The machine while one turn ran, by looks about a second apart. Absent is ``None``.

    Attributes:
        looks: how many it is made of: those within the turn, else the last one before its end.
        sm_clock_mean_mhz, sm_clock_max_mhz: of the GPU's cores.
        throttle: every clock event that was seen, NVML's bits ORed without "idle"; 0 is none.
        vram_peak_bytes: what our processes held of the GPU's memory.
        rss_peak_bytes: what the engine's processes held of the host's.
        other_cores: processors' worth of work that was not ours, on average.
        steal_share: of the processors' time, what a hypervisor gave to others.
        swap_delta_bytes: how much swap in use grew; negative when it shrank.
        other_gpu_share: of the card's time, what compute processes of others took.
        vram_free_min_bytes, host_free_min_bytes: the least that was free of the GPU's memory and of
            the host's; noted while a config is held to depth.
    """

    looks: int
    sm_clock_mean_mhz: float | None = None
    sm_clock_max_mhz: int | None = None
    throttle: int | None = None
    vram_peak_bytes: int | None = None
    rss_peak_bytes: int | None = None
    other_cores: float | None = None
    steal_share: float | None = None
    swap_delta_bytes: int | None = None
    other_gpu_share: float | None = None
    vram_free_min_bytes: int | None = None
    host_free_min_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object of what is known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """One request as the client saw it. Absent is ``None``; zero is a measured zero.

    Durations are seconds on a monotonic clock; `started_at` is UTC, ISO 8601.

    Attributes:
        arm: which config was measured: ``trial-0007`` or an arm's name in a comparison.
        block: repetition of the plan within that arm, from 0.
        order: position in the replay plan, from 0, the same for every arm.
        depth_tokens: prompt tokens as the engine counted them (cached included).
        cached_tokens: prompt tokens that the engine says it reused.
        computed_tokens: prompt tokens that it says it prefilled.
        output_tokens: completion tokens that the engine reports (reasoning included).
        asked_output_tokens: the pinned output length.
        ttft_s: request sent to first non-empty content, reasoning or tool-call delta.
        decode_tps: (n-1) / (t_last - t_first); ``None`` below two tokens.
        wall_s: request sent to the end of the stream.
        server_prefill_s, server_decode_s: the engine's own timings, where it reports them.
        draft_tokens, draft_accepted_tokens: speculation, where the engine reports it.
        failure: ``None`` for a good turn, else a `FailureKind` value.
        cache_write_tokens, cost_usd, provider, retries: what a hosted service says or does: prompt
            tokens written to its cache, its price, who served the request, how often it was sent
            again before.
        mark: why the times of a good turn are not comparable: ``contaminated`` (somebody else used
            the machine), ``retried``, ``resumed``, ...
        machine: what the machine did meanwhile; ``None`` where it was not watched.
    """

    arm: str
    block: int
    order: int
    session_id: str
    turn: int
    started_at: str
    asked_output_tokens: int | None
    depth_tokens: int | None = None
    cached_tokens: int | None = None
    computed_tokens: int | None = None
    output_tokens: int | None = None
    ttft_s: float | None = None
    decode_tps: float | None = None
    wall_s: float | None = None
    server_prefill_s: float | None = None
    server_decode_s: float | None = None
    draft_tokens: int | None = None
    draft_accepted_tokens: int | None = None
    finish_reason: str | None = None
    boundary: str | None = None
    failure: str | None = None
    detail: str | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    provider: str | None = None
    retries: int | None = None
    mark: str | None = None
    machine: TurnMachine | None = None

    @property
    def ok(self) -> bool:
        """Whether this turn may be scored."""
        return self.failure is None

    @property
    def work_tokens(self) -> int | None:
        """Reply tokens that the turn is reckoned over: those asked for, where it ended before.

        An engine whose replies may end early would else gain by saying less.
        """
        if self.output_tokens is None:
            return None
        return max(self.output_tokens, self.asked_output_tokens or 0)

    @property
    def work_s(self) -> float | None:
        """`wall_s`, and the time that tokens which were not generated would have taken.

        ``None`` for a reply that ended early and is too short to have a decode rate.
        """
        missing = (self.work_tokens or 0) - (self.output_tokens or 0)
        if self.wall_s is None or not missing:
            return self.wall_s
        return self.wall_s + missing / self.decode_tps if self.decode_tps else None

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version. What only hosted services say is in it where they
        do, and the machine where it was watched."""
        data = asdict(self)
        data["machine"] = None if self.machine is None else self.machine.to_json()
        for name in (*_HOSTED, "machine"):
            if data[name] is None:
                del data[name]
        return {"schema_version": SCHEMA_VERSION, **data}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TurnRecord:
        """The record back from `to_json`; unknown keys are refused with ``KeyError``."""
        known = {f.name for f in fields(cls)}
        body = {k: v for k, v in data.items() if k != "schema_version"}
        if unknown := set(body) - known:
            raise KeyError(f"unknown keys in a turn record: {sorted(unknown)}")
        if (machine := body.get("machine")) is not None:
            body["machine"] = TurnMachine(**machine)
        return cls(**body)
