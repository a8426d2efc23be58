"""The sessions that a target's nights replay: new ones join, old ones age out.

A folder of captures grows every day, and a workload that is another one every night would be tuned
again every night. So what is replayed stays as it is until enough of it would be another: a share
of its sessions, or sessions so much deeper that the config in use may not hold them.

How old a session is is told from the newest one: over a month without work nothing changes, and a
clock that is wrong for a night ages nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.session_index import SessionFact, digest_of
from autotune.nightly.targets import WorkloadRule
from autotune.search.holdout import MIN_SESSIONS
from autotune.search.request import DEFAULT_HEADROOM
from autotune.workload.load import CaptureStream
from autotune.workload.writer import CaptureWriter

SUFFIX = ".jsonl.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """What is replayed from tonight on.

    `joined` and `aged_out` are ids of sessions that it has and the last one had not, and the other
    way round: none of them where it stays as it was. `waiting` counts new sessions that are too few
    to matter yet. `why` says in words what made it another one; ``None`` where it is the same.
    """

    sessions: tuple[SessionFact, ...]
    joined: tuple[str, ...] = ()
    aged_out: tuple[str, ...] = ()
    waiting: int = 0
    why: str | None = None

    @property
    def digest(self) -> str:
        """Of the workload."""
        return digest_of(self.sessions)

    @property
    def deepest(self) -> int:
        """Recorded tokens of its deepest prompt."""
        return max((session.deepest for session in self.sessions), default=0)

    @property
    def file_name(self) -> str:
        """Of the capture file that holds these sessions and no others."""
        return f"{self.digest.removeprefix('sha256:')[:16]}{SUFFIX}"


def grown(
    there: Sequence[SessionFact],
    kept: Sequence[SessionFact] | None,
    rule: WorkloadRule,
    now: datetime,
) -> Grown:
    """What is replayed from tonight on, of the sessions that are `there`.

    `kept` is what the last tuning replayed, ``None`` before the first one. `now` has a time zone.
    """
    chosen = chosen_sessions(there, rule, now)
    if kept is None:
        return Grown(sessions=chosen, joined=tuple(s.session_id for s in chosen))
    had, has = {s.same for s in kept}, {s.same for s in chosen}
    joined = tuple(s.session_id for s in chosen if s.same not in had)
    gone = tuple(s.session_id for s in kept if s.same not in has)
    why = _why(chosen, kept, joined, gone, rule)
    if why is None:
        return Grown(sessions=tuple(kept), waiting=len(joined))
    return Grown(sessions=chosen, joined=joined, aged_out=gone, why=why)


def chosen_sessions(
    there: Sequence[SessionFact], rule: WorkloadRule, now: datetime
) -> tuple[SessionFact, ...]:
    """The newest sessions within `rule`, in the order in which they began.

    Sub-agents stay with the session that spawned them. As many families as a search and a proof on
    other sessions need stay, however old they are.
    """
    oldest_s = None if rule.max_age_s is None else _today_s(there, now) - rule.max_age_s
    taken: list[SessionFact] = []
    for count, family in enumerate(_families(there)):
        enough = count >= MIN_SESSIONS
        if enough and oldest_s is not None and _ended_s(family) < oldest_s:
            break
        if taken and rule.most is not None and len(taken) + len(family) > rule.most:
            break
        taken += family
    return tuple(sorted(taken, key=lambda session: session.key))


def _today_s(there: Sequence[SessionFact], now: datetime) -> float:
    """When the newest session ended; a stamp of tomorrow is some other machine's."""
    now_s = now.timestamp()
    return max((s.at_s for s in there if s.at_s <= now_s), default=now_s)


def _families(sessions: Iterable[SessionFact]) -> list[list[SessionFact]]:
    """Sessions with their sub-agents, the newest family first."""
    found: dict[str, list[SessionFact]] = {}
    for session in sessions:
        found.setdefault(session.root, []).append(session)
    return sorted(found.values(), key=lambda f: (_ended_s(f), f[0].root), reverse=True)


def _ended_s(family: Iterable[SessionFact]) -> float:
    return max(session.at_s for session in family)


def _why(
    chosen: Sequence[SessionFact],
    kept: Sequence[SessionFact],
    joined: Sequence[str],
    gone: Sequence[str],
    rule: WorkloadRule,
) -> str | None:
    """Why these are to be replayed instead of those; ``None`` where it is not worth it."""
    deepest, was = _deepest(chosen), _deepest(kept)
    if joined and deepest > was * (1 + DEFAULT_HEADROOM):
        return f"sessions have become deeper: {deepest} tokens, where it was tuned for {was}"
    # A session that went on both joins and leaves: it is one that changed.
    changed = max(len(joined), len(gone))
    if not changed or changed < rule.share * max(1, len(kept)):
        return None
    return f"{_count(len(joined))} joined and {_count(len(gone))} left, of {len(kept)} that it had"


def _deepest(sessions: Iterable[SessionFact]) -> int:
    return max((session.deepest for session in sessions), default=0)


def _count(number: int) -> str:
    return f"{number} session" if number == 1 else f"{number} sessions"


def write_sessions(captures: Path, sessions: Sequence[SessionFact], path: Path) -> Path:
    """A capture file of these sessions alone: what a night replays, whatever is added meanwhile.

    A file that is there already is left as it is. Raises `MachineError` when a session is gone or
    has changed since it was indexed: an agent is at work, and the next look has it as it is then.
    """
    if path.is_file():
        return path
    wanted = {session.same for session in sessions}
    path.parent.mkdir(parents=True, exist_ok=True)
    with CaptureWriter(path) as writer:
        for item in CaptureStream(captures):
            if (item.session.session_id, item.key.content) in wanted:
                writer.write(item.session)
                wanted.discard((item.session.session_id, item.key.content))
        if wanted:
            raise MachineError(
                f"{_count(len(wanted))} of {captures} changed while they were read, or are gone",
                "an agent may be at work: run it again later",
            )
    return path
