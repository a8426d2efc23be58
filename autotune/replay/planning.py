"""A workload laid out as a plan: which turn when, with what reply length."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, zip_longest

from autotune.errors import UserError
from autotune.replay.plan import History, Order, PlannedTurn, ReplayPlan
from autotune.workload.model import Session, Turn, Workload
from autotune.workload.prefix import PromptHasher, canonical


def make_plan(
    workload: Workload,
    *,
    history: History,
    order: Order,
    concurrency: int,
    max_output_tokens: int | None,
    default_output_tokens: int,
) -> ReplayPlan:
    """Every turn of `workload` in replay order, the turns of a session in theirs.

    ``interleaved`` goes by the captured times where every session has one for its first turn, and
    else takes a turn of each session in rotation. A reply's length is the recorded one, or
    `default_output_tokens` where none was recorded, at most `max_output_tokens`, at least 1.
    Raises `UserError` for an empty workload and for numbers below 1.
    """
    _check(workload, concurrency, max_output_tokens, default_output_tokens)
    turns = _ORDERINGS[order](workload.sessions)
    lengths = (_length(turn, max_output_tokens, default_output_tokens) for turn in turns)
    return _plan(zip(turns, lengths, strict=True), history, concurrency)


def subset(plan: ReplayPlan, session_ids: Collection[str]) -> ReplayPlan:
    """`plan` with only these sessions, in the same order, numbered anew, with its own digest.

    Raises `UserError` for a session that is not in the plan.
    """
    if unknown := sorted(set(session_ids) - set(plan.session_ids)):
        raise UserError(
            f"not in the replay plan: session {', '.join(unknown)}",
            f"it holds {', '.join(plan.session_ids)}",
        )
    kept = [p for p in plan.turns if p.turn.session_id in session_ids]
    return _plan(((p.turn, p.output_tokens) for p in kept), plan.history, plan.concurrency)


def part(plan: ReplayPlan, turns: Collection[tuple[str, int]]) -> ReplayPlan:
    """`plan` with only these turns, (session, index) each, in the same order, with its own digest.

    A session may begin in its middle: its first turn then carries, and pays for, all before it.
    """
    kept = [p for p in plan.turns if (p.turn.session_id, p.turn.index) in turns]
    return _plan(((p.turn, p.output_tokens) for p in kept), plan.history, plan.concurrency)


def replan(turns: Sequence[PlannedTurn], like: ReplayPlan) -> ReplayPlan:
    """`turns` in this order, numbered anew, with the history and concurrency of `like`."""
    return _plan(((p.turn, p.output_tokens) for p in turns), like.history, like.concurrency)


def ahead_of(probe: ReplayPlan, plan: ReplayPlan) -> ReplayPlan:
    """`probe`, then `plan`, on one server. They share no session.

    Raises ``ValueError`` where they do: a session's turns are in one of the two. The digest is of
    both digests, as every trial asks for it, and hashing all prompts again takes a while.
    """
    if shared := set(probe.session_ids) & set(plan.session_ids):
        raise ValueError(f"both hold session {min(shared)}")
    both = (*probe.turns, *plan.turns)
    turns = tuple(PlannedTurn(at, p.turn, p.output_tokens) for at, p in enumerate(both))
    told = hashlib.sha256(f"replay-plan/1 ahead\n{probe.digest}\n{plan.digest}\n".encode())
    return replace(
        plan, turns=turns, digest=f"sha256:{told.hexdigest()}", probe_turns=len(probe.turns)
    )


def _check(workload: Workload, concurrency: int, longest: int | None, default: int) -> None:
    if not any(session.turns for session in workload.sessions):
        raise UserError("the workload has no turns", "widen its selection, or give other captures")
    numbers = {"concurrency": concurrency, "default output tokens": default}
    if longest is not None:
        numbers["maximum output tokens"] = longest
    for name, number in numbers.items():
        if number < 1:
            raise UserError(f"{name} is {number}", "give a whole number of at least 1")


def _plan(turns: Iterable[tuple[Turn, int]], history: History, concurrency: int) -> ReplayPlan:
    planned = tuple(PlannedTurn(at, turn, length) for at, (turn, length) in enumerate(turns))
    return ReplayPlan(planned, history, concurrency, _digest(planned, history, concurrency))


def _length(turn: Turn, longest: int | None, default: int) -> int:
    recorded = turn.recorded.completion_tokens if turn.output_tokens is None else turn.output_tokens
    wanted = max(default if recorded is None else recorded, 1)
    return wanted if longest is None else min(wanted, longest)


def _sequential(sessions: Sequence[Session]) -> list[Turn]:
    return [turn for session in sessions for turn in session.turns]


def _interleaved(sessions: Sequence[Session]) -> list[Turn]:
    filled = [session for session in sessions if session.turns]
    if all(session.turns[0].timestamp_ms is not None for session in filled):
        return _by_time(filled)
    return _in_rotation(filled)


def _by_time(sessions: Sequence[Session]) -> list[Turn]:
    """By captured time. A turn without one, or out of order, goes with the turn before it."""
    stamped = [
        (at_ms, rank, turn)
        for rank, session in enumerate(sessions)
        for at_ms, turn in zip(_rising_times(session), session.turns, strict=True)
    ]
    return [turn for _, _, turn in sorted(stamped, key=lambda item: item[:2])]


def _rising_times(session: Session) -> Iterator[float]:
    given = (turn.timestamp_ms for turn in session.turns)
    return accumulate((float("-inf") if at is None else at for at in given), max)


def _in_rotation(sessions: Sequence[Session]) -> list[Turn]:
    rounds = zip_longest(*(session.turns for session in sessions))
    return [turn for each in rounds for turn in each if turn is not None]


_ORDERINGS = {Order.INTERLEAVED: _interleaved, Order.SEQUENTIAL: _sequential}


def _digest(turns: Sequence[PlannedTurn], history: History, concurrency: int) -> str:
    """SHA-256 over what is sent, in which order and how long the replies are."""
    whole = hashlib.sha256(f"replay-plan/1 {history.value} {concurrency}\n".encode())
    hashers: defaultdict[str, PromptHasher] = defaultdict(PromptHasher)
    for planned in turns:
        turn = planned.turn
        prompt = hashers[turn.session_id].digest(turn.tools, turn.messages)
        row = [turn.session_id, turn.index, prompt, planned.output_tokens]
        whole.update(canonical(row) + b"\n")
    return f"sha256:{whole.hexdigest()}"
