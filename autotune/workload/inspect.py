"""What captures hold and how far they can be trusted, one session in memory at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from autotune.workload.depth import Depth, DepthBuckets, session_depths
from autotune.workload.digest import SessionKey, workload_digest
from autotune.workload.load import CaptureStream, LoadedSession
from autotune.workload.model import Damage, Session, Turn
from autotune.workload.reuse import ReuseReport, ReuseTally, TurnReuse

SessionWatcher = Callable[[Session, Sequence[Depth], Sequence[TurnReuse]], None]
"""Sees every session with the depth of each turn, and what each can reuse; keeps what it wants."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """One capture file: what it is and how much it holds."""

    file: str
    format: str
    sessions: int
    turns: int


@dataclass(frozen=True, slots=True)
class SessionReport:
    """One session; depths in prompt tokens. `estimated_turns` have no recorded count."""

    session_id: str
    parent: str | None
    turns: int
    first_depth: int
    max_depth: int
    estimated_turns: int


@dataclass(frozen=True, slots=True)
class BucketReport:
    """Turns of one depth bucket; `ttft_p50_s` is over the `ttft_turns` that recorded one."""

    label: str
    turns: int
    ttft_turns: int
    ttft_p50_s: float | None


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """Everything that `captures inspect` answers. Absent is ``None``.

    Attributes:
        growth_p50_tokens: median growth of the prompt from one turn to the next, over turns
            that extend the one before.
        reply_p50_tokens: median recorded reply length.
        cached_share: recorded cached tokens / prompt tokens, over `cached_turns` turns that
            recorded both.
        cached_share_p50: the median of that share over those turns.
        append_only_share: of the turns that follow another, those whose prompt keeps all of it,
            as a template would render them.
        reuse: what a prefix cache could have held, and what broke the prefix.
        estimated_turns: turns whose depth is an estimate, for want of a recorded count.
        failed_turns: turns whose original call failed.
        boundaries, fidelity, missing: turns by kind.
    """

    files: tuple[FileReport, ...]
    sessions: tuple[SessionReport, ...]
    turns: int
    max_depth: int
    estimated_turns: int
    buckets: tuple[BucketReport, ...]
    growth_p50_tokens: float | None
    reply_p50_tokens: float | None
    cached_share: float | None
    cached_share_p50: float | None
    cached_turns: int
    append_only_share: float | None
    reuse: ReuseReport
    failed_turns: int
    boundaries: Mapping[str, int]
    fidelity: Mapping[str, int]
    missing: Mapping[str, int]
    pad_tokens: int
    damage: tuple[Damage, ...]
    digest: str


@dataclass(slots=True)
class _Tally:
    """Numbers that add up over sessions; no text."""

    buckets: DepthBuckets
    files: dict[str, FileReport] = field(default_factory=dict)
    sessions: list[SessionReport] = field(default_factory=list)
    keys: list[SessionKey] = field(default_factory=list)
    bucket_turns: Counter[int] = field(default_factory=Counter)
    ttfts_s: dict[int, list[float]] = field(default_factory=dict)
    growths: list[int] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)
    cached: list[tuple[int, int]] = field(default_factory=list)
    reuse: ReuseTally = field(default_factory=ReuseTally)
    failed: int = 0
    pad_tokens: int = 0
    boundaries: Counter[str] = field(default_factory=Counter)
    fidelity: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    def add(self, loaded: LoadedSession, watchers: Sequence[SessionWatcher]) -> None:
        """Take in one session."""
        session = loaded.session
        depths = session_depths(session)
        self._file(loaded)
        self.keys.append(loaded.key)
        self.sessions.append(_session_report(session, depths))
        for turn, depth in zip(session.turns, depths, strict=True):
            self._turn(turn, depth)
        self._steps(session, depths)
        reuse = self.reuse.add(session, depths)
        for watch in watchers:
            watch(session, depths, reuse)

    def _file(self, loaded: LoadedSession) -> None:
        name = loaded.found.file.name
        known = self.files.get(name) or FileReport(name, loaded.found.reader.name, 0, 0)
        turns = known.turns + len(loaded.session.turns)
        self.files[name] = FileReport(name, known.format, known.sessions + 1, turns)

    def _turn(self, turn: Turn, depth: Depth) -> None:
        bucket = self.buckets.index(depth.tokens)
        self.bucket_turns[bucket] += 1
        recorded = turn.recorded
        if recorded.ttft_ms is not None:
            self.ttfts_s.setdefault(bucket, []).append(recorded.ttft_ms / 1000)
        if turn.output_tokens is not None:
            self.replies.append(turn.output_tokens)
        if recorded.cached_tokens is not None and recorded.prompt_tokens:
            self.cached.append((recorded.cached_tokens, recorded.prompt_tokens))
        self.failed += "error" in turn.origin
        self.pad_tokens += turn.fidelity.pad_tokens
        self.fidelity[str(turn.fidelity.prompt)] += 1
        self.missing.update(turn.fidelity.missing)
        if turn.boundary is not None:
            self.boundaries[str(turn.boundary)] += 1

    def _steps(self, session: Session, depths: Sequence[Depth]) -> None:
        """Growth from turn to turn; a failed call has no count of its own and is stepped over."""
        grown_from: int | None = None
        for turn, depth in zip(session.turns, depths, strict=True):
            if turn.boundary is not None:
                grown_from = None
            if "error" in turn.origin:
                continue
            if grown_from is not None:
                self.growths.append(depth.tokens - grown_from)
            grown_from = depth.tokens

    def report(self, damage: tuple[Damage, ...]) -> CaptureReport:
        """The numbers as a report."""
        shares = [cached / prompt for cached, prompt in self.cached]
        prompts = sum(prompt for _, prompt in self.cached)
        reuse = self.reuse.report()
        return CaptureReport(
            files=tuple(self.files.values()),
            sessions=tuple(self.sessions),
            turns=sum(self.bucket_turns.values()),
            max_depth=max(session.max_depth for session in self.sessions),
            estimated_turns=sum(session.estimated_turns for session in self.sessions),
            buckets=self._buckets(),
            growth_p50_tokens=_median(self.growths),
            reply_p50_tokens=_median(self.replies),
            cached_share=sum(cached for cached, _ in self.cached) / prompts if prompts else None,
            cached_share_p50=_median(shares),
            cached_turns=len(shares),
            append_only_share=reuse.append_only / reuse.turns if reuse.turns else None,
            reuse=reuse,
            failed_turns=self.failed,
            boundaries=dict(self.boundaries),
            fidelity=dict(self.fidelity),
            missing=dict(self.missing),
            pad_tokens=self.pad_tokens,
            damage=damage,
            digest=workload_digest(self.keys),
        )

    def _buckets(self) -> tuple[BucketReport, ...]:
        return tuple(
            BucketReport(
                label=label,
                turns=self.bucket_turns[index],
                ttft_turns=len(self.ttfts_s.get(index, ())),
                ttft_p50_s=_median(self.ttfts_s.get(index, ())),
            )
            for index, label in enumerate(self.buckets.labels)
        )


def inspect_captures(
    paths: Path | Sequence[Path],
    buckets: DepthBuckets | None = None,
    watchers: Sequence[SessionWatcher] = (),
) -> CaptureReport:
    """Read the captures at `paths` once and report what they hold; `watchers` see every session.

    Raises:
        UserError: a path is missing, a named file has no known format, or nothing was readable.
    """
    stream = CaptureStream(paths)
    tally = _Tally(buckets or DepthBuckets())
    for loaded in stream:
        tally.add(loaded, watchers)
    return tally.report(stream.ledger.entries())


def _session_report(session: Session, depths: Sequence[Depth]) -> SessionReport:
    return SessionReport(
        session_id=session.session_id,
        parent=session.parent,
        turns=len(session.turns),
        first_depth=depths[0].tokens,
        max_depth=max(depth.tokens for depth in depths),
        estimated_turns=sum(depth.estimated for depth in depths),
    )


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None
