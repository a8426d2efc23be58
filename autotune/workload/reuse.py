"""How much of each prompt a prefix cache could have held, and what broke the prefix."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from autotune.workload.breaks import Break, cause_of
from autotune.workload.depth import CHARS_PER_TOKEN, Depth
from autotune.workload.model import Session, Turn
from autotune.workload.rendered import Chain, chars_at
from autotune.workload.slots import Step, reuse_ceiling

SLOTS = (1, 2, 4, 8)
"""Slot counts for which the ceiling is worked out."""


@dataclass(frozen=True, slots=True)
class ReuseReport:
    """What prefix reuse a workload allows. Absent is ``None``: there was nothing to reuse.

    Attributes:
        turns: turns that follow another of their session.
        append_only: of these, how many begin with the whole prompt before, as rendered.
        reusable_share: reusable tokens / prompt tokens, over these turns.
        reusable_share_p50: the median of that share over these turns.
        causes: what made the first difference, by turns.
        lost_tokens: prompt tokens of the turn before that could not be reused, by cause.
        ceilings: slots -> the share of all prompt tokens that so many slots could have held.
    """

    turns: int
    append_only: int
    reusable_share: float | None
    reusable_share_p50: float | None
    causes: Mapping[str, int]
    lost_tokens: Mapping[str, int]
    ceilings: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class TurnReuse:
    """How many tokens one prompt shares with the one before it, and what cut them short."""

    tokens: float = 0.0
    cause: Break | None = None


@dataclass(slots=True)
class ReuseTally:
    """Adds sessions up; keeps hashes and counts, no text."""

    _shares: array[float] = field(default_factory=lambda: array("d"))
    _reusable: float = 0.0
    _prompt: float = 0.0
    _append_only: int = 0
    _causes: Counter[str] = field(default_factory=Counter)
    _lost: Counter[str] = field(default_factory=Counter)
    _steps: list[Step] = field(default_factory=list)
    _sessions: int = 0

    def add(self, session: Session, depths: Sequence[Depth]) -> list[TurnReuse]:
        """One session with the depth of each of its turns; what each of them can reuse."""
        chain, scale = Chain(), _Scale()
        found: list[TurnReuse] = []
        before: Turn | None = None
        tokens_before = 0.0
        for turn, depth in zip(session.turns, depths, strict=True):
            old_chars, old_links = chain.chars[-1] if chain.chars else 0, len(chain.links)
            kept = chain.advance(turn)
            reuse = TurnReuse()
            if before is not None:
                # Links that stayed have the same characters before them in both prompts.
                at = chars_at(chain, kept)
                whole = kept == old_links
                reusable = tokens_before if whole else scale.tokens(at, old_chars, tokens_before)
                # Where every link stayed nothing broke: the messages need not be gone through.
                cause = None if whole else cause_of(before, turn)
                reuse = TurnReuse(min(reusable, depth.tokens), cause)
                self._follower(reuse, depth, tokens_before)
            found.append(reuse)
            scale.fit(depth, chain.chars[-1])
            self._step(turn, chain, kept, depth, scale)
            before, tokens_before = turn, float(depth.tokens)
        self._sessions += 1
        return found

    def _follower(self, reuse: TurnReuse, depth: Depth, tokens_before: float) -> None:
        if reuse.cause is None:
            self._append_only += 1
        else:
            self._causes[str(reuse.cause)] += 1
            self._lost[str(reuse.cause)] += round(tokens_before - reuse.tokens)
        if depth.tokens:
            self._shares.append(reuse.tokens / depth.tokens)
            self._reusable += reuse.tokens
            self._prompt += depth.tokens

    def _step(self, turn: Turn, chain: Chain, kept: int, depth: Depth, scale: _Scale) -> None:
        end = chain.chars[-1]
        tokens = [scale.tokens(at, end, depth.tokens) for at in chain.chars[kept:]]
        self._steps.append(
            Step(
                session=self._sessions,
                timestamp_ms=turn.timestamp_ms if turn.timestamp_ms is not None else 0.0,
                keep=kept,
                links=chain.links[kept:],
                tokens=array("d", tokens),
                reply_tokens=float(turn.output_tokens or 0),
            )
        )

    def report(self) -> ReuseReport:
        """The numbers so far."""
        return ReuseReport(
            turns=self._append_only + sum(self._causes.values()),
            append_only=self._append_only,
            reusable_share=self._reusable / self._prompt if self._prompt else None,
            reusable_share_p50=median(self._shares) if self._shares else None,
            causes=dict(self._causes.most_common()),
            lost_tokens=dict(self._lost.most_common()),
            ceilings=self._ceilings(),
        )

    def _ceilings(self) -> dict[int, float]:
        found = {}
        for slots in SLOTS:
            reused, total = reuse_ceiling(self._steps, slots)
            if total:
                found[slots] = reused / total
        return found


@dataclass(slots=True)
class _Scale:
    """Characters to tokens in one session: what no log shows stands in front of what it shows."""

    hidden: float = 0.0

    def fit(self, depth: Depth, chars: int) -> None:
        """Learn from a turn: what its recorded depth holds beyond its text is hidden in front."""
        visible = chars / CHARS_PER_TOKEN
        if not depth.estimated:
            self.hidden = max(0.0, depth.tokens - visible)

    def tokens(self, at_chars: int, of_chars: int, of_tokens: float) -> float:
        """Tokens up to `at_chars` of a prompt that has `of_chars` and `of_tokens`."""
        if at_chars <= 0 or of_chars <= 0:
            return 0.0
        front = min(self.hidden, of_tokens)
        return front + (of_tokens - front) * at_chars / of_chars


def reuse_of(sessions: Sequence[tuple[Session, Sequence[Depth]]]) -> ReuseReport:
    """The report over sessions with their depths."""
    tally = ReuseTally()
    for session, depths in sessions:
        tally.add(session, depths)
    return tally.report()
