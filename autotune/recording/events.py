"""What a recording tells while it runs: one frozen dataclass for each thing that happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Listening:
    """Requests are accepted at `url` from now on."""

    url: str
    upstream: str
    folder: str


@dataclass(frozen=True, slots=True)
class TurnWritten:
    """A request is in the capture. `failure` says what cut its reply short."""

    session_id: str
    turn: int
    file: str
    api: str
    model: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    ttft_ms: float | None
    latency_ms: float
    boundary: str | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """A request passed and is not in the capture: what `kind` of reason, and the reason."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a user should know, said once."""

    message: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """No new requests; those `under_way` may still end."""

    under_way: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Everything is written."""

    folder: str
    requests: int
    turns: int
    sessions: int
    not_recorded: dict[str, int]
    deepest_tokens: int | None
    ttft_p50_ms: float | None


Event = Listening | TurnWritten | NotRecorded | Notice | Stopping | Stopped
Listener = Callable[[Event | None], None]
"""Takes every event; ``None`` when some time has passed. Called from one thread at a time."""


@dataclass(slots=True)
class Totals:
    """Counts so far. Each is written by one thread and may be read by any."""

    requests: int = 0
    under_way: int = 0
    turns: int = 0
    sessions: int = 0
    deepest_tokens: int | None = None
    ttfts_ms: list[float] = field(default_factory=list)
    not_recorded: dict[str, int] = field(default_factory=dict)

    @property
    def ttft_p50_ms(self) -> float | None:
        """The median time to first token of the latest turns that were streamed."""
        ordered = sorted(self.ttfts_ms)
        half, odd = divmod(len(ordered), 2)
        if not ordered:
            return None
        return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2.0
