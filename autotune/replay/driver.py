"""A plan and an endpoint in, turn records out: the loop over turns and sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from autotune.records import TurnRecord
from autotune.replay.body import encode_body
from autotune.replay.cache_arm import cache_note, check_cache_arm
from autotune.replay.client import Client
from autotune.replay.endpoint import Endpoint
from autotune.replay.history import SessionHistory
from autotune.replay.nonce import with_nonce
from autotune.replay.outcome import Outcome, TurnFailure
from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.replay.schedule import Schedule
from autotune.replay.sent import SentTurn
from autotune.workload.model import Message

__all__ = ["cache_note", "check_cache_arm", "replay", "warm_up"]

WARM_UP_TEXT = "Name three rivers and the seas they flow into."
WARM_UP_TOKENS = 8
_OUTCOME_FIELDS = tuple(f.name for f in fields(Outcome) if f.name not in ("reply", "failure"))


def replay(
    plan: ReplayPlan,
    endpoint: Endpoint,
    *,
    arm: str,
    block: int,
    nonce: str,
    sink: Callable[[TurnRecord], None],
    should_stop: Callable[[], bool] = lambda: False,
    think_time_cap_s: float = 0.0,
    sent: Callable[[SentTurn], None] | None = None,
) -> list[TurnRecord]:
    """Send every turn of `plan` and return its records in plan order.

    Each record goes to `sink` the moment its turn ends, one at a time. After a failed turn the
    rest of its session is recorded as ``unreached``; after a crash or a hang, the rest of all.
    `should_stop` is asked before each turn; the turns after it said yes leave no record. Recorded
    idle times are waited for up to `think_time_cap_s` seconds each. With a concurrency of 1 all
    is done in the calling thread, so an interrupt ends it at once. `sent` is given each request
    when its reply has ended.
    """
    with Client(endpoint) as client:
        run = _Run(
            plan=plan,
            endpoint=endpoint,
            client=client,
            arm=arm,
            block=block,
            nonce=nonce,
            sink=sink,
            should_stop=should_stop,
            think_time_cap_s=think_time_cap_s,
            sent=sent,
        )
        run.work()
    return sorted(run.records, key=lambda record: record.order)


def warm_up(endpoint: Endpoint) -> Outcome:
    """One short request that shares nothing with a workload; its failure is in the outcome."""
    messages = ({"role": "user", "content": WARM_UP_TEXT},)
    with Client(endpoint) as client:
        body = encode_body(endpoint, messages, (), WARM_UP_TOKENS)
        return client.ask(body, WARM_UP_TOKENS)


@dataclass(slots=True, kw_only=True)
class _Run:
    """One replay under way, shared by its threads."""

    plan: ReplayPlan
    endpoint: Endpoint
    client: Client
    arm: str
    block: int
    nonce: str
    sink: Callable[[TurnRecord], None]
    should_stop: Callable[[], bool]
    think_time_cap_s: float
    sent: Callable[[SentTurn], None] | None
    records: list[TurnRecord] = field(default_factory=list)
    schedule: Schedule = field(init=False)
    histories: dict[str, SessionHistory] = field(init=False)
    ended_s: dict[str, float] = field(default_factory=dict)
    writing: threading.Lock = field(default_factory=threading.Lock)
    aborted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.plan.turns, self.plan.probe_turns)
        self.histories = {name: SessionHistory(self.plan.history) for name in self.plan.session_ids}

    def work(self) -> None:
        """Take turns until none is left, in this thread or in as many as may be in flight."""
        takers = self.plan.concurrency
        if takers == 1:
            self._take_all()
            return
        with ThreadPoolExecutor(takers, thread_name_prefix="replay") as pool:
            futures = [pool.submit(self._take_all) for _ in range(takers)]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # Ctrl-C reaches this thread only, a full disk one of the others: either way
                # those still blocked on their sockets must not keep us waiting.
                if not all(future.done() for future in futures):
                    self._abort()
        for future in futures:
            future.result()

    def _abort(self) -> None:
        self.aborted.set()
        self.schedule.drop()
        self.client.abort()

    def _take_all(self) -> None:
        while (planned := self.schedule.take()) is not None:
            try:
                if self.should_stop():
                    self.schedule.drop()
                else:
                    self._do(planned)
            finally:
                self.schedule.release(planned)

    def _do(self, planned: PlannedTurn) -> None:
        session_id = planned.turn.session_id
        messages = with_nonce(self.histories[session_id].prompt(planned.turn), self.nonce)
        body = encode_body(self.endpoint, messages, planned.turn.tools, planned.output_tokens)
        self._think(planned)
        if self.aborted.is_set():
            return
        self.endpoint.before_each()
        outcome = self.client.ask(body, planned.output_tokens)
        self.ended_s[session_id] = time.monotonic()
        if outcome.reply is not None:
            self.histories[session_id].answered(outcome.reply)
        if self.aborted.is_set():
            return  # what broke off here is not the engine's failure
        self._record(planned, outcome, messages)
        if outcome.failure is not None:
            self._give_up(session_id, outcome)

    def _think(self, planned: PlannedTurn) -> None:
        """Wait out the recorded idle time, counted from the end of the session's last reply."""
        ended_s = self.ended_s.get(planned.turn.session_id)
        if ended_s is None or planned.turn.delay_ms is None:
            return
        pause_s = min(planned.turn.delay_ms / 1000, self.think_time_cap_s)
        left_s = ended_s + pause_s - time.monotonic()
        if left_s > 0:
            self.aborted.wait(left_s)

    def _give_up(self, session_id: str, outcome: Outcome) -> None:
        """Record what can no longer be reached, in plan order."""
        failure = outcome.failure
        everything = failure is not None and failure.ends_the_replay
        cause = f"after {failure} in session {session_id}"
        for planned in self.schedule.drop(None if everything else session_id):
            now = datetime.now(UTC).isoformat()
            self._record(
                planned, Outcome(started_at=now, failure=TurnFailure.UNREACHED, detail=cause)
            )

    def _record(
        self, planned: PlannedTurn, outcome: Outcome, messages: tuple[Message, ...] = ()
    ) -> None:
        record = _to_record(planned, outcome, self.arm, self.block)
        with self.writing:
            if self.sent is not None and messages:
                self.sent(SentTurn(planned, messages, outcome.reply))
            self.records.append(record)
            self.sink(record)


def _to_record(planned: PlannedTurn, outcome: Outcome, arm: str, block: int) -> TurnRecord:
    measured: dict[str, Any] = {name: getattr(outcome, name) for name in _OUTCOME_FIELDS}
    boundary = planned.turn.boundary
    return TurnRecord(
        arm=arm,
        block=block,
        order=planned.order,
        session_id=planned.turn.session_id,
        turn=planned.turn.index,
        asked_output_tokens=planned.output_tokens,
        boundary=None if boundary is None else boundary.value,
        failure=None if outcome.failure is None else outcome.failure.value,
        **measured,
    )
