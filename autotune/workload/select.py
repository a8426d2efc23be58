"""Which sessions and turns a study replays. Too deep means cut short, never thrown away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from autotune.errors import UserError
from autotune.workload.depth import session_depths
from autotune.workload.load import workload_of
from autotune.workload.model import Session, Workload


@dataclass(frozen=True, slots=True)
class Selection:
    """What to keep of a workload. Depths are prompt tokens, as recorded or estimated.

    Attributes:
        sessions: ids to keep; ``None`` keeps all.
        min_depth: keep only sessions whose deepest reachable turn is at least this deep. Their
            shallow turns stay, since they build the prefix that the deep ones reuse.
        max_depth: the deepest prompt that can be served. A session ends before its first turn
            beyond it.
        max_sessions: keep this many, the deepest first; their order does not change.
        max_turns: keep at most this many turns of each session, from its start.
    """

    sessions: tuple[str, ...] | None = None
    min_depth: int | None = None
    max_depth: int | None = None
    max_sessions: int | None = None
    max_turns: int | None = None


@dataclass(frozen=True, slots=True)
class SelectionNotes:
    """What a selection did, counted, for the report.

    Attributes:
        unreachable_turns: turns lost to `max_depth`, the first too deep and all after it.
        truncated_sessions: sessions that are cut short by `max_depth`.
        turns_over_limit: turns lost to `max_turns`.
        dropped_sessions: ids and why: ``not-named``, ``unreachable``, ``too-shallow``,
            ``over-limit``.
        turns: turns that are left.
        estimated_turns: of these, turns whose depth is an estimate.
        deepest_tokens: depth of the deepest turn that is left.
    """

    unreachable_turns: int = 0
    truncated_sessions: tuple[str, ...] = ()
    turns_over_limit: int = 0
    dropped_sessions: tuple[tuple[str, str], ...] = ()
    turns: int = 0
    estimated_turns: int = 0
    deepest_tokens: int = 0


@dataclass(slots=True)
class _Kept:
    session: Session
    deepest: int
    estimated: int


@dataclass(slots=True)
class _Tally:
    unreachable: int = 0
    over_limit: int = 0
    truncated: list[str] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)

    def drop(self, session: Session, why: str) -> None:
        """Note a session that is left out."""
        self.dropped.append((session.session_id, why))


def select(workload: Workload, selection: Selection) -> tuple[Workload, SelectionNotes]:
    """The part of `workload` that `selection` asks for, and what that cost.

    Raises:
        UserError: a named session is not there, a limit makes no sense, or nothing is left.
    """
    _check(workload, selection)
    tally = _Tally()
    cut = [_cut(session, selection, tally) for session in workload.sessions]
    kept = _deepest([item for item in cut if item is not None], selection.max_sessions, tally)
    if not kept:
        raise _nothing_left(selection, tally)
    chosen = workload_of([item.session for item in kept], like=workload)
    return chosen, _notes(kept, tally)


def _check(workload: Workload, selection: Selection) -> None:
    for name in ("min_depth", "max_depth", "max_sessions", "max_turns"):
        value = getattr(selection, name)
        if value is not None and value < 1:
            raise UserError(f"{name} is {value}", "give a number of at least 1, or leave it out")
    known = [session.session_id for session in workload.sessions]
    for wanted in selection.sessions or ():
        if wanted not in known:
            close = get_close_matches(wanted, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"sessions here: {_some(known)}"
            raise UserError(f"there is no session {wanted!r} in the workload", hint)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _cut(session: Session, selection: Selection, tally: _Tally) -> _Kept | None:
    """`session` up to its first turn that is out of reach; ``None`` when none of it stays."""
    if selection.sessions is not None and session.session_id not in selection.sessions:
        tally.drop(session, "not-named")
        return None
    depths = session_depths(session)
    limit = selection.max_depth
    reach = next((i for i, d in enumerate(depths) if limit and d.tokens > limit), len(depths))
    tally.unreachable += len(depths) - reach
    if reach == 0:
        tally.drop(session, "unreachable")
        return None
    if reach < len(depths):
        tally.truncated.append(session.session_id)
    turns = min(reach, selection.max_turns or reach)
    tally.over_limit += reach - turns
    deepest = max(depth.tokens for depth in depths[:turns])
    if selection.min_depth and deepest < selection.min_depth:
        tally.drop(session, "too-shallow")
        return None
    estimated = sum(depth.estimated for depth in depths[:turns])
    return _Kept(replace(session, turns=session.turns[:turns]), deepest, estimated)


def _deepest(kept: list[_Kept], limit: int | None, tally: _Tally) -> list[_Kept]:
    if limit is None or len(kept) <= limit:
        return kept
    by_depth = sorted(range(len(kept)), key=lambda i: -kept[i].deepest)
    chosen = set(by_depth[:limit])
    for index, item in enumerate(kept):
        if index not in chosen:
            tally.drop(item.session, "over-limit")
    return [item for index, item in enumerate(kept) if index in chosen]


def _notes(kept: list[_Kept], tally: _Tally) -> SelectionNotes:
    left = {item.session.session_id for item in kept}
    return SelectionNotes(
        unreachable_turns=tally.unreachable,
        truncated_sessions=tuple(name for name in tally.truncated if name in left),
        turns_over_limit=tally.over_limit,
        dropped_sessions=tuple(tally.dropped),
        turns=sum(len(item.session.turns) for item in kept),
        estimated_turns=sum(item.estimated for item in kept),
        deepest_tokens=max(item.deepest for item in kept),
    )


def _nothing_left(selection: Selection, tally: _Tally) -> UserError:
    reasons = {why for _, why in tally.dropped}
    if "unreachable" in reasons:
        return UserError(
            f"no session has a turn within {selection.max_depth} prompt tokens",
            "raise the depth limit, or give a workload with shorter prompts",
        )
    if "too-shallow" in reasons:
        return UserError(
            f"no session reaches {selection.min_depth} prompt tokens",
            "lower the depth asked for, or give a deeper workload",
        )
    return UserError("the selection leaves no session", "name sessions of this workload")
