"""The simulated measurer: records, seconds and failures as a real measurement leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from autotune.candidate import Candidate
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnMachine, TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.simulated.faults import NO_FAULTS, Fault, Faults, fault
from autotune.simulated.known_runs import KnownRuns
from autotune.simulated.label import KEY, LABEL
from autotune.simulated.noise import MachineTime, Noise, RunNoise, run_noise
from autotune.simulated.overlap import Done, Work, overlapped
from autotune.simulated.served import Engine, Run, Served
from autotune.trial.measurement import Enough, Measurement, RecordSink, TrialSeconds, never
from autotune.trial.patience import Patience
from autotune.trial.virtual_clock import VirtualClock

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Stamps count from here: a simulated turn was sent at no real time."""


@dataclass(slots=True, kw_only=True)
class SimulatedMeasurer:
    """Measures nothing: works out what `engine` would do, and adds `noise` and `faults`.

    Satisfies `autotune.trial.measurement.Measurer`. `clock` is only read here: drift and bursts go
    by it; whoever wraps this (`ClockedMeasurer`) moves it on. The same seed, candidate, arm, block
    and moment give the same measurement. What is the same for all of them is worked out once,
    in `known`, which measurers of one engine may share. A hang takes no longer than `patience`
    waits for it.
    """

    engine: Engine
    noise: Noise
    seed: int
    clock: VirtualClock
    faults: Faults = NO_FAULTS
    patience: Patience | None = None
    known: KnownRuns = field(default_factory=KnownRuns)
    _times: MachineTime = field(init=False)
    _seen: dict[tuple[str, int, str], count[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._times = MachineTime(self.noise, self.seed)

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: RecordSink,
        enough: Enough = never,
    ) -> Measurement:
        """What `candidate` would have shown. Failures of it are in the result."""
        run = self.run(candidate, plan)
        attempt = next(self._seen.setdefault((arm, block, candidate.key), count()))
        name = f"{arm}\n{block}\n{attempt}"
        trouble = fault(
            self.faults, candidate.key, candidate.settings, name, self.seed, len(run.turns)
        )
        noise = run_noise(self.noise, self.seed, candidate.key, name)
        replay = _Replay(self, plan, run, arm, block, noise, trouble, self.clock.now())
        return replay.measurement(candidate, sink, enough)

    def run(self, candidate: Candidate, plan: ReplayPlan) -> Run:
        """The same without noise and faults."""
        return self.known.run(self.engine, candidate, plan)

    def longer(self, start_s: float, seconds: float) -> float:
        """What `seconds` of work become that begin at `start_s` on the clock."""
        return seconds * self._times.factor(start_s, seconds)


@dataclass(slots=True)
class _Replay:
    """One measurement under way."""

    owner: SimulatedMeasurer
    plan: ReplayPlan
    run: Run
    arm: str
    block: int
    noise: RunNoise
    trouble: Fault | None
    began_s: float
    records: list[TurnRecord] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    failure: Failure | None = None

    def measurement(self, candidate: Candidate, sink: RecordSink, enough: Enough) -> Measurement:
        """Launch, replay and stop, in seconds that pass nowhere."""
        load_s = self.owner.longer(self.began_s, self.run.load_s)
        refused = self.run.failure or self._before()
        if refused is not None:
            return self._result(candidate, refused, TrialSeconds(load_s=load_s))
        start_s = self.began_s + load_s + self.run.warm_up_s
        replay_s = self._replay(start_s, sink, enough)
        seconds = TrialSeconds(
            load_s=load_s,
            warm_up_s=self.run.warm_up_s,
            replay_s=replay_s,
            stop_s=self.run.stop_s,
        )
        return self._result(candidate, self.failure, seconds)

    def _before(self) -> Failure | None:
        """A fault that strikes before the first turn."""
        return self.trouble.failure if self.trouble and self.trouble.at is None else None

    def _replay(self, start_s: float, sink: RecordSink, enough: Enough) -> float:
        if self.plan.concurrency > 1:
            return self._overlapping(start_s, sink, enough)
        now_s = start_s
        for at, served in enumerate(self.run.turns):
            if enough():
                break
            session = self.plan.turns[at].turn.session_id
            if (lost := self._is_lost(session)) is not None:
                self._take(self._unreached(at, now_s, lost), sink)
                continue
            first_s, decode_s = self._noisy(now_s, served)
            now_s = self._turn(at, served, now_s, first_s, decode_s, sink)
        return now_s - start_s

    def _noisy(self, now_s: float, served: Served) -> tuple[float, float]:
        first_s = self.owner.longer(now_s, served.first_s * self.noise.ttft())
        decode_s = served.decode_s * self.noise.decode()
        return first_s, self.owner.longer(now_s + first_s, decode_s)

    def _turn(
        self,
        at: int,
        served: Served,
        now_s: float,
        first_s: float,
        decode_s: float,
        sink: RecordSink,
        waited_s: float = 0.0,
    ) -> float:
        """Record one turn; when it ended."""
        struck = self.trouble if self.trouble and self.trouble.at == at else None
        bad = struck.failure if struck else served.failure
        if bad is None:
            record = self._good(at, served, now_s, waited_s + first_s, decode_s)
            self._take(record, sink)
            return now_s + waited_s + first_s + decode_s
        took_s = self._struck_s(struck) or first_s
        self._fail(at, bad)
        self._take(self._bad(at, now_s, took_s, bad), sink)
        return now_s + took_s

    def _struck_s(self, struck: Fault | None) -> float:
        """How long a fault takes to be seen; 0 for as long as the turn."""
        if struck is None or not struck.takes_s or self.owner.patience is None:
            return struck.takes_s if struck else 0.0
        return self.owner.patience.silence_s(self.arm, struck.takes_s)

    def _overlapping(self, start_s: float, sink: RecordSink, enough: Enough) -> float:
        """Several sessions at once. Records come in the plan's order, as they end roughly."""
        sessions = [planned.turn.session_id for planned in self.plan.turns]
        noisy = self._noisy_at(start_s, sessions)
        done = self._overlapped(sessions, noisy)
        end_s = start_s
        for at, served in enumerate(self.run.turns):
            if enough():
                break
            moments, (first_s, _) = done[at], noisy[at]
            sent_s = start_s + moments.sent_s
            if (lost := self._is_lost(sessions[at])) is not None:
                self._take(self._unreached(at, sent_s, lost), sink)
                continue
            waited_s = moments.first_s - moments.sent_s - first_s
            decode_s = moments.last_s - moments.first_s
            ended_s = self._turn(at, served, sent_s, first_s, decode_s, sink, waited_s)
            end_s = max(end_s, ended_s)
        return end_s - start_s

    def _noisy_at(self, start_s: float, sessions: Sequence[str]) -> list[tuple[float, float]]:
        """Each turn's seconds under the noise of about when it is sent."""
        alone = [(served.first_s, served.decode_s) for served in self.run.turns]
        about = self._overlapped(sessions, alone)
        pairs = zip(about, self.run.turns, strict=True)
        return [self._noisy(start_s + moments.sent_s, served) for moments, served in pairs]

    def _overlapped(
        self, sessions: Sequence[str], seconds: Sequence[tuple[float, float]]
    ) -> list[Done]:
        pairs = zip(sessions, seconds, strict=True)
        work = [Work(session, first_s, decode_s) for session, (first_s, decode_s) in pairs]
        return overlapped(work, self.plan.concurrency, self.run.slots)

    def _is_lost(self, session: str) -> str | None:
        """Why a turn is not sent: after a failure in its session, or one that ended everything."""
        return self.lost.get(session) or self.lost.get("")

    def _fail(self, at: int, failure: Failure) -> None:
        turn = self.plan.turns[at].turn
        everything = failure.kind is not FailureKind.CONTEXT_OVERFLOW
        cause = f"after {failure.kind} in session {turn.session_id}"
        self.lost["" if everything else turn.session_id] = cause
        if self.failure is None:
            where = f"session {turn.session_id} turn {turn.index}"
            self.failure = Failure(failure.kind, f"{where}: {failure.message}", bound=failure.bound)

    def _take(self, record: TurnRecord, sink: RecordSink) -> None:
        self.records.append(record)
        if self.owner.patience is not None:
            self.owner.patience.saw(record)
        sink(record)

    def _good(
        self, at: int, served: Served, now_s: float, ttft_s: float, decode_s: float
    ) -> TurnRecord:
        planned = self.plan.turns[at]
        tokens = planned.output_tokens
        return TurnRecord(
            **self._named(at, now_s),
            depth_tokens=served.cached + served.computed,
            cached_tokens=served.cached,
            computed_tokens=served.computed,
            output_tokens=tokens,
            ttft_s=ttft_s,
            decode_tps=(tokens - 1) / decode_s if tokens > 1 and decode_s > 0.0 else None,
            wall_s=ttft_s + decode_s,
            server_prefill_s=max(0.0, ttft_s - served.moved_s),
            server_decode_s=decode_s,
            draft_tokens=served.drafted,
            draft_accepted_tokens=served.accepted,
            finish_reason="length",
            machine=_machine(served),
        )

    def _bad(self, at: int, now_s: float, took_s: float, failure: Failure) -> TurnRecord:
        return TurnRecord(
            **self._named(at, now_s),
            wall_s=took_s,
            failure=_seen_as(failure.kind).value,
            detail=failure.message,
        )

    def _unreached(self, at: int, now_s: float, why: str) -> TurnRecord:
        return TurnRecord(**self._named(at, now_s), failure=FailureKind.UNREACHED.value, detail=why)

    def _named(self, at: int, now_s: float) -> dict[str, Any]:
        planned = self.plan.turns[at]
        boundary = planned.turn.boundary
        return {
            "arm": self.arm,
            "block": self.block,
            "order": planned.order,
            "session_id": planned.turn.session_id,
            "turn": planned.turn.index,
            "started_at": (_BEGINNING + timedelta(seconds=now_s)).isoformat(),
            "asked_output_tokens": planned.output_tokens,
            "boundary": None if boundary is None else boundary.value,
            "provider": LABEL,
        }

    def _result(
        self, candidate: Candidate, failure: Failure | None, seconds: TrialSeconds
    ) -> Measurement:
        return Measurement(
            candidate=candidate,
            arm=self.arm,
            block=self.block,
            records=tuple(self.records),
            failure=failure,
            seconds=seconds,
            whole=len(self.records) == len(self.plan.turns),
            effective=self.run.effective,
            telemetry=_telemetry(self.run),
        )


def _seen_as(kind: FailureKind) -> FailureKind:
    """What the client sees of a failed turn: an engine that runs out of memory is gone."""
    return FailureKind.CRASH if kind is FailureKind.OUT_OF_MEMORY else kind


def _machine(served: Served) -> TurnMachine:
    return TurnMachine(
        looks=1, vram_peak_bytes=served.device_bytes, rss_peak_bytes=served.host_bytes
    )


def _telemetry(run: Run) -> Mapping[str, Any]:
    """As a real summary's keys, where they are known, and the mark of what this is."""
    device = [s.device_bytes for s in run.turns if s.device_bytes is not None]
    return {
        KEY: True,
        "contaminated": False,
        "reasons": [],
        "vram_peak_bytes": max(device, default=None),
    }
