"""Recorded and replayed depth side by side, session by session, and why they differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autotune.trial.survey import Survey
from autotune.workload.depth import CHARS_PER_TOKEN, DepthMeter
from autotune.workload.model import PromptFidelity, Session, Turn
from autotune.workload.padding import agent_of, begins_midway, can_be_padded
from autotune.workload.token_scale import Scale

WITHIN = 0.02
"""A replayed depth this close to the scaled recorded one is the recorded one."""
LINES = 6
"""Sessions that are told one by one; the others are counted."""

EXACT = "the prompts are exact and never padded, and tokenizers differ from text to text"
UNRECORDED = "no depth was recorded"
DEEPER = "the visible text alone is deeper"
GREW = "the visible text grew faster than recorded"
NO_PLACE = "no new message could hold filler"
NOT_COUNTED = "depths are the capture's own until the engine has counted them"


@dataclass(frozen=True, slots=True)
class DepthRow:
    """One session. Depths are those of its deepest recorded turn, in tokens.

    `recorded_tokens` is by the recorded tokenizer, `wanted_tokens` the same in this engine's
    tokens (`scale` times), `replayed_tokens` what is replayed, `pad_tokens` of it filler.
    `off_turns` of `turns` differ from what is wanted by more than 2%, the worst by `worst`, as a
    share of it; `reason` says why. ``None`` where nothing was recorded.
    """

    session_id: str
    fidelity: str
    turns: int
    recorded_tokens: int | None
    wanted_tokens: int | None
    replayed_tokens: int
    scale: float
    scale_why: str
    pad_tokens: int
    missing: tuple[str, ...] = ()
    midway: bool = False
    off_turns: int = 0
    worst: float | None = None
    reason: str | None = None

    @property
    def padded_share(self) -> float:
        """Filler of the deepest prompt, as a share of it."""
        return self.pad_tokens / self.replayed_tokens if self.replayed_tokens else 0.0

    def sentence(self) -> str:
        """The row in words."""
        if self.recorded_tokens is None:
            return f"session {self.session_id}: {UNRECORDED}, replayed {self.replayed_tokens:,}"
        words = [
            f"session {self.session_id}: recorded {self.recorded_tokens:,} tokens",
            f"replayed {self.replayed_tokens:,} (scale {self.scale:g})",
            f"{self.padded_share:.0%} of it filler for {self._what()}" if self.pad_tokens else "",
            "it begins in the middle: its history is filler" if self.midway else "",
            f"{self.off_turns} of {self.turns} turns are up to {abs(self.worst or 0):.0%} off "
            f"({self.reason})"
            if self.reason and self.reason != EXACT
            else "",
        ]
        return ", ".join(filter(None, words))

    def _what(self) -> str:
        return ", ".join(self.missing) or "what was not captured"


def side_by_side(sessions: Iterable[Session], survey: Survey) -> list[DepthRow]:
    """A row for each of `sessions`, as they are replayed: padded, and cut where they are cut."""
    return [_row(session, survey) for session in sessions if session.turns]


def _row(session: Session, survey: Survey) -> DepthRow:
    scale = survey.scales.get(agent_of(session), Scale())
    depths = [survey.depths[t.session_id, t.index] for t in session.turns]
    at = deepest_turn(session, depths)
    turn = session.turns[at]
    off = list(_off(session, depths, scale))
    worst = max(off, key=lambda pair: abs(pair[1]), default=None)
    kinds = {t.fidelity.prompt for t in session.turns}
    return DepthRow(
        session_id=session.session_id,
        fidelity=str(PromptFidelity.PADDED if PromptFidelity.PADDED in kinds else min(kinds)),
        turns=len(session.turns),
        recorded_tokens=turn.recorded.prompt_tokens,
        wanted_tokens=scale.tokens(turn.recorded.prompt_tokens),
        replayed_tokens=depths[at],
        scale=scale.value,
        scale_why=scale.why,
        pad_tokens=turn.fidelity.pad_tokens,
        missing=tuple(dict.fromkeys(m for t in session.turns for m in t.fidelity.missing)),
        midway=begins_midway(session) and bool(session.turns[0].fidelity.pad_tokens),
        off_turns=len(off),
        worst=None if worst is None else round(worst[1], 4),
        reason=_reason(session, kinds, worst),
    )


def deepest_turn(session: Session, depths: Sequence[int]) -> int:
    """Where the deepest recorded turn is in `session`, else the deepest by `depths`."""
    recorded = [t.recorded.prompt_tokens for t in session.turns]
    known = [at for at, tokens in enumerate(recorded) if tokens is not None]
    if known:
        return max(known, key=lambda at: recorded[at] or 0)
    return max(range(len(depths)), key=depths.__getitem__)


def _off(session: Session, depths: Sequence[int], scale: Scale) -> Iterable[tuple[Turn, float]]:
    """Turns that are off by more than `WITHIN`, and by what share."""
    for turn, depth in zip(session.turns, depths, strict=True):
        wanted = scale.tokens(turn.recorded.prompt_tokens)
        if wanted and abs(depth - wanted) > WITHIN * wanted:
            yield turn, (depth - wanted) / wanted


def _reason(
    session: Session, kinds: set[PromptFidelity], worst: tuple[Turn, float] | None
) -> str | None:
    if all(t.recorded.prompt_tokens is None for t in session.turns):
        return UNRECORDED
    if worst is None:
        return None
    if not kinds & {PromptFidelity.PADDED, PromptFidelity.REBUILT}:
        return EXACT
    turn, share = worst
    if share < 0:
        return NO_PLACE
    return GREW if turn.fidelity.pad_tokens else DEEPER


def depth_notes(rows: Sequence[DepthRow]) -> tuple[str, ...]:
    """What a person should know of the depths: the deepest sessions one by one, then the rest."""
    told = sorted(
        (row for row in rows if row.recorded_tokens is not None),
        key=lambda row: (not row.pad_tokens, -row.replayed_tokens),
    )
    notes = [row.sentence() for row in told[:LINES]]
    rest = len(told) - LINES
    if rest > 0:
        more = "session is" if rest == 1 else "sessions are"
        notes.append(f"{rest} more {more} in survey.json, recorded and replayed depth")
    silent = len(rows) - len(told)
    if silent == 1:
        notes.append("1 session recorded no depth and is replayed as it is")
    elif silent:
        notes.append(f"{silent} sessions recorded no depth and are replayed as they are")
    return tuple(notes)


def expected_notes(sessions: Iterable[Session]) -> tuple[str, ...]:
    """What can be said of the depths before an engine has counted them."""
    lacking = [s for s in sessions if can_be_padded(s)]
    lacking.sort(key=lambda s: -_recorded_and_visible(s)[0])
    notes = [NOT_COUNTED]
    for session in lacking[:LINES]:
        recorded, visible = _recorded_and_visible(session)
        lack = ", ".join(dict.fromkeys(m for t in session.turns for m in t.fidelity.missing))
        notes.append(
            f"session {session.session_id}: recorded {recorded:,} tokens, about {visible:,} "
            f"of them visible; the rest will be filler{f' for {lack}' if lack else ''}"
        )
    rest = len(lacking) - LINES
    if rest > 0:
        more = "session will be padded to its" if rest == 1 else "sessions will be padded to their"
        notes.append(f"{rest} more {more} recorded depth")
    return tuple(notes)


def _recorded_and_visible(session: Session) -> tuple[int, int]:
    """Recorded tokens of the deepest turn, and its text at four characters a token."""
    deepest = max(session.turns, key=lambda t: t.recorded.prompt_tokens or 0)
    visible = DepthMeter().chars(deepest) // CHARS_PER_TOKEN
    return deepest.recorded.prompt_tokens or 0, visible
