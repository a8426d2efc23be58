"""One config filled turn by turn on one server, with its memory watched: see `soak_plan`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from autotune.candidate import Candidate, Setting
from autotune.hardware.processes import tree_times
from autotune.hardware.telemetry import TelemetrySampler
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.protocol import Server
from autotune.records import TurnMachine, TurnRecord
from autotune.replay.driver import replay, warm_up
from autotune.replay.endpoint import Endpoint
from autotune.replay.nonce import make_nonce
from autotune.replay.plan import ReplayPlan
from autotune.replay.sent import SentTurn
from autotune.trial.measurement import Enough, RecordSink
from autotune.trial.real import RealMeasurer
from autotune.trial.serving import serving
from autotune.trial.soak_plan import SHORT_REPLY_TOKENS, SoakPlan
from autotune.trial.soak_turns import Continuation
from autotune.trial.turn_failure import explained

LEAST_ROUNDS = 1
"""Rounds after the first fill that are replayed however little time there is."""

Place = tuple[int, int]
"""Block and order of a turn of the soak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What came of a soak.

    Attributes:
        records: of every turn; the block is the round, 0 for the first fill.
        expected: prompt tokens that each turn was to have, for those that were never counted.
        failure: why it did not hold; ``None`` as well where the context ended in the headroom.
        finished: false when the user stopped it.
        short_of_time: rounds that were left out for want of time.
        effective: the settings that the engine said it ran with.
    """

    records: tuple[TurnRecord, ...]
    expected: Mapping[Place, int]
    failure: Failure | None
    finished: bool
    seconds: float
    short_of_time: int
    effective: Mapping[str, Setting]
    log_path: Path


@dataclass(slots=True, kw_only=True)
class Soak:
    """Fills `candidate` by `plan` on one server of `measurer`'s.

    `stop` is asked between turns and ends it unfinished; rounds that would end after `time_s`
    seconds are left out, all but the first.
    """

    measurer: RealMeasurer
    candidate: Candidate
    plan: SoakPlan
    arm: str
    sink: RecordSink
    stop: Enough
    time_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    records: list[TurnRecord] = field(default_factory=list)
    expected: dict[Place, int] = field(default_factory=dict)
    _left_out: int = 0
    _over: bool = False
    _effective: Mapping[str, Setting] = field(default_factory=dict)

    def run(self) -> Soaked:
        """Launch, fill, stop. Only `MachineError` and interrupts leave."""
        began = self.clock()
        failure: Failure | None = None
        try:
            with serving(self.measurer, self.candidate, self.arm) as server:
                self._on(server, began)
        except TrialError as error:
            failure = error.failure
        return Soaked(
            records=tuple(self.records),
            expected=dict(self.expected),
            failure=failure,
            finished=failure is not None or self._over,
            seconds=self.clock() - began,
            short_of_time=self._left_out,
            effective=self._effective,
            log_path=self.measurer.context(self.arm).log_path,
        )

    def _on(self, server: Server, began: float) -> None:
        """Everything between ready and stop. Raises `TrialError` when the engine does not hold."""
        self._effective = self.measurer.launcher.effective(server)
        endpoint = self.measurer.endpoint(server)
        warm_up(endpoint)
        with TelemetrySampler(
            probe=self.measurer.probe,
            gpu_uuid=self.measurer.gpu_uuid,
            partners=self.measurer.partners,
        ) as telemetry:
            filling = _Filling(self, server, endpoint, telemetry)
            filling.fill()
            self._rounds(filling, began)

    def _rounds(self, filling: _Filling, began: float) -> None:
        last_s = self.clock() - began
        for number, plan in enumerate(self.plan.rounds, start=1):
            if self.stop():
                return
            late = self.time_s is not None and self.clock() - began + last_s > self.time_s
            if late and number > LEAST_ROUNDS:
                self._left_out = len(self.plan.rounds) - number + 1
                break
            round_began = self.clock()
            filling.round(number, plan)
            last_s = self.clock() - round_began
        self._over = len(self.records) == len(self.expected)


@dataclass(slots=True)
class _Filling:
    """A soak on a server that answers."""

    owner: Soak
    server: Server
    endpoint: Endpoint
    telemetry: TelemetrySampler
    _last: SentTurn | None = None

    def fill(self) -> None:
        """The deepest session to its deepest turn, and on into the headroom."""
        plan = self.owner.plan.fill
        for planned in plan.turns:
            key = (planned.turn.session_id, planned.turn.index)
            self.owner.expected[0, planned.order] = self.owner.plan.depths[key]
        done = self._replay(plan, 0, make_nonce(self.owner.measurer.seed, self.owner.arm, 0))
        if len(done) < len(plan.turns) or self._last is None:
            return
        self._deepen(self._last, done[-1])

    def _deepen(self, sent: SentTurn, record: TurnRecord) -> None:
        """Filler turns, until it is as deep as wanted or the context ends."""
        plan = self.owner.plan
        key = (sent.planned.turn.session_id, sent.planned.turn.index)
        going = Continuation(
            sent=sent,
            reached_tokens=record.depth_tokens or plan.depths[key],
            reply_tokens=record.output_tokens or SHORT_REPLY_TOKENS,
            target_tokens=plan.target_tokens,
            steps=plan.steps,
        )
        while not self.owner.stop() and (one := going.next()) is not None:
            self.owner.expected[0, one.turns[0].order] = going.expected_tokens
            # Its messages are complete: mark, history and all.
            done = self._replay(one, 0, nonce="", past_deepest=going.expected_tokens)
            if not done or self._last is None or not done[-1].ok:
                return
            going.answered(self._last, done[-1])

    def round(self, number: int, plan: ReplayPlan) -> None:
        """Whole sessions under a mark of their own."""
        for planned in plan.turns:
            key = (planned.turn.session_id, planned.turn.index)
            self.owner.expected[number, planned.order] = self.owner.plan.depths[key]
        self._replay(plan, number, make_nonce(self.owner.measurer.seed, self.owner.arm, number))

    def _replay(
        self, plan: ReplayPlan, block: int, nonce: str, past_deepest: int = 0
    ) -> list[TurnRecord]:
        """Raises `TrialError` for a turn that failed, unless the context ended in the headroom."""
        done = replay(
            plan,
            self.endpoint,
            arm=self.owner.arm,
            block=block,
            nonce=nonce,
            sink=self._take,
            should_stop=self.owner.stop,
            sent=self._keep,
        )
        bad = next((record for record in done if not record.ok), None)
        if bad is None:
            return done
        ended = bad.failure == FailureKind.CONTEXT_OVERFLOW.value
        if ended and past_deepest > self.owner.plan.deepest_tokens:
            return done
        raise TrialError(explained(bad, self.owner.measurer.launcher, self.server))

    def _keep(self, sent: SentTurn) -> None:
        self._last = sent

    def _take(self, record: TurnRecord) -> None:
        """A record with what the engine held, and what was left, when its turn ended."""
        record = replace(record, machine=self._machine(record))
        self.owner.records.append(record)
        self.owner.sink(record)

    def _machine(self, record: TurnRecord) -> TurnMachine:
        now_s = time.monotonic()
        start_s = now_s - (record.wall_s or 0.0)
        look = self.telemetry.sample()
        machine = self.telemetry.turn(start_s, look.at_s)
        seen = self.telemetry.summary(start_s, look.at_s)
        # Telemetry sums all our processes and looks at intervals: growth wants this one's, now.
        held = sum(tree_times([self.server.process.pid]).resident_bytes.values())
        return replace(
            machine,
            rss_peak_bytes=held or machine.rss_peak_bytes,
            vram_free_min_bytes=seen.gpu.free_min_bytes if seen.gpu else None,
            host_free_min_bytes=seen.memory_available_min_bytes,
        )
