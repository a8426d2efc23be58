"""One session in numbers: what a sample is drawn by, without any text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from autotune.workload.depth import Depth, DepthBuckets, session_depths
from autotune.workload.model import Session


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """Depths and growth in prompt tokens, as recorded or estimated.

    Attributes:
        times_ms: when each turn was sent, where every turn says so; else empty.
        bucket_turns: turns by depth bucket.
        growths: tokens that each turn added to the one before, where it only added.
        new_tokens: prompt tokens that a warm cache has to prefill: the first prompt, what later
            ones add, and the whole of those behind a context edit.
        output_tokens: tokens to generate.
    """

    session_id: str
    parent: str | None
    turns: int
    first_depth: int
    max_depth: int
    prompt_tokens: int
    new_tokens: int
    output_tokens: int
    bucket_turns: tuple[int, ...]
    growths: tuple[int, ...]
    replies: tuple[int, ...]
    times_ms: tuple[float, ...]

    @property
    def growth_p50(self) -> float:
        """Median growth; 0 for a session of one turn."""
        return float(median(self.growths)) if self.growths else 0.0


def summarize(session: Session, buckets: DepthBuckets | None = None) -> SessionSummary:
    """The summary of `session`."""
    buckets = buckets or DepthBuckets()
    depths = session_depths(session)
    counts = [0] * len(buckets.labels)
    for depth in depths:
        counts[buckets.index(depth.tokens)] += 1
    growths, new_tokens = _growths(session, depths)
    times = [turn.timestamp_ms for turn in session.turns]
    replies = tuple(t.output_tokens for t in session.turns if t.output_tokens is not None)
    return SessionSummary(
        session_id=session.session_id,
        parent=session.parent,
        turns=len(session.turns),
        first_depth=depths[0].tokens,
        max_depth=max(depth.tokens for depth in depths),
        prompt_tokens=sum(depth.tokens for depth in depths),
        new_tokens=new_tokens,
        output_tokens=sum(replies),
        bucket_turns=tuple(counts),
        growths=growths,
        replies=replies,
        times_ms=tuple(at for at in times if at is not None) if None not in times else (),
    )


def _growths(session: Session, depths: Sequence[Depth]) -> tuple[tuple[int, ...], int]:
    """Growth of each turn that extends the one before, and all tokens to prefill."""
    growths = []
    new_tokens = depths[0].tokens
    for turn, old, new in zip(session.turns[1:], depths, depths[1:], strict=False):
        grown = new.tokens - old.tokens
        if turn.boundary is None and grown >= 0:
            growths.append(grown)
            new_tokens += grown
        else:
            new_tokens += new.tokens
    return tuple(growths), new_tokens
