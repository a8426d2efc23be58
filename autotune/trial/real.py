"""The real measurer: launch, check, warm up, replay, stop."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.hardware.gpu import GpuProbe
from autotune.hardware.memory_back import MemoryWatch
from autotune.hardware.telemetry import TelemetrySampler
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.habits import alive, forget, habits_of, timing_paths_of
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server
from autotune.launchers.settings_check import difference
from autotune.records import TurnRecord
from autotune.replay.driver import check_cache_arm, replay, warm_up
from autotune.replay.endpoint import Endpoint, Rendering, unhurried
from autotune.replay.nonce import make_nonce
from autotune.replay.plan import ReplayPlan
from autotune.replay.sent import SentTurn
from autotune.scoring.contaminated import marked
from autotune.trial.afterwards import Aftermath, Afterwards
from autotune.trial.measurement import (
    Enough,
    Measurement,
    RecordSink,
    Seen,
    TrialSeconds,
    never,
    never_seen,
)
from autotune.trial.patience import Patience
from autotune.trial.turn_failure import explained


@dataclass(frozen=True, slots=True, kw_only=True)
class RealMeasurer:
    """Measures on a real engine.

    `logs_dir` keeps every engine log; `work_dir` holds the private homes, removed after use.
    `afterwards` is asked of the server after a replay in which every turn was good. Arms that share
    a `mark` are given prompts that are the same to the last byte. What was `seen` before is
    launched and not replayed: such a measurement has no records and no failure. The time limits are
    cut to what `patience` has, and it is told of every load and turn. `partners` are process ids
    above others that the machine is divided with: what those compute is no load of others.
    """

    launcher: Launcher
    model: Path
    logs_dir: Path
    work_dir: Path
    seed: int
    rendering: Rendering = Rendering.NATIVE
    gpu_uuid: str | None = None
    gpu_pin: Mapping[str, str] | None = None
    probe: GpuProbe | None = None
    cache_arm: CacheArm = CacheArm.ON
    start_timeout_s: float = 600.0
    first_token_timeout_s: float = 600.0
    idle_timeout_s: float = 120.0
    patience: Patience | None = None
    afterwards: tuple[Afterwards, ...] = ()
    mark: str | None = None
    seen: Seen = never_seen
    partners: tuple[int, ...] = ()

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
        """Measure `candidate` once. Only `MachineError` and interrupts leave."""
        context = self._hurried(self.context(f"{arm}-b{block}"), arm)
        run = _Run(self, candidate, plan, arm, block, sink, enough, context, self._free_vram())
        started = time.monotonic()
        try:
            server = launch(self.launcher, candidate, context)
        except TrialError as error:
            load_s = time.monotonic() - started
            shutil.rmtree(context.work_dir, ignore_errors=True)
            self.missing_vram(run.vram_before)
            return run.measurement(error.failure, TrialSeconds(load_s=load_s))
        try:
            return run.on(server)
        finally:
            # Also on Ctrl-C: an engine never outlives the trial that started it.
            self.launcher.stop(server)
            shutil.rmtree(context.work_dir, ignore_errors=True)

    def missing_vram(self, before: int | None) -> int | None:
        """Wait for the card's memory to be as free as `before`; the bytes that do not come back."""
        return MemoryWatch(free_bytes=self._free_vram).missing_bytes(before)

    def _free_vram(self) -> int | None:
        if self.probe is None or self.gpu_uuid is None:
            return None
        return self.probe.state(self.gpu_uuid).free_bytes

    def context(self, name: str) -> LaunchContext:
        """A private launch called `name`."""
        return LaunchContext(
            model=self.model,
            work_dir=self.work_dir / name,
            log_path=self.logs_dir / f"{name}.log",
            trial_id=name,
            gpu_uuid=self.gpu_uuid,
            gpu_pin=self.gpu_pin,
            cache_arm=self.cache_arm,
            start_timeout_s=self.start_timeout_s,
        )

    def _hurried(self, context: LaunchContext, arm: str) -> LaunchContext:
        if self.patience is None:
            return context
        return replace(context, start_timeout_s=self.patience.start_s(arm, self.start_timeout_s))

    def endpoint(self, server: Server) -> Endpoint:
        """Where the plan is sent while `server` lives."""

        def request_fields(output_tokens: int | None) -> Mapping[str, Any]:
            return self.launcher.request_fields(self.cache_arm, output_tokens)

        def before_each() -> None:
            if self.cache_arm is CacheArm.OFF:
                forget(self.launcher, server)

        habits = habits_of(self.launcher)
        return Endpoint(
            base_url=server.base_url,
            model_name=self.launcher.model_name,
            request_fields=request_fields,
            rendering=self.rendering,
            alive=lambda: alive(self.launcher, server),
            fixed_length=habits.pins_length,
            bursts=habits.bursts,
            before_each=before_each,
            cached_tokens_path=self.launcher.cached_tokens_path,
            timing_paths=timing_paths_of(self.launcher),
            first_token_timeout_s=self.first_token_timeout_s,
            idle_timeout_s=self.idle_timeout_s,
            hurry=self._hurry(server),
        )

    def _hurry(self, server: Server) -> Callable[[float], float]:
        """How much of a time limit is kept: the launch is named for what is measured."""
        patience, name = self.patience, server.context.trial_id
        if patience is None:
            return unhurried
        return lambda most_s: patience.silence_s(name, most_s)


@dataclass(slots=True)
class _Run:
    """One measurement under way."""

    owner: RealMeasurer
    candidate: Candidate
    plan: ReplayPlan
    arm: str
    block: int
    sink: RecordSink
    enough: Enough
    context: LaunchContext
    vram_before: int | None = None
    records: list[TurnRecord] = field(default_factory=list)
    effective: Mapping[str, Setting] = field(default_factory=dict)
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    sent: list[SentTurn] = field(default_factory=list)
    extras: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def on(self, server: Server) -> Measurement:
        """Everything between ready and stop."""
        try:
            self.effective = self.owner.launcher.effective(server)
        except TrialError as error:
            return self.measurement(error.failure, TrialSeconds(load_s=server.load_s))
        lead = "the engine does not run with: "
        if failure := difference(server.spec.asked, self.effective, lead):
            return self.measurement(failure, TrialSeconds(load_s=server.load_s))
        if self.owner.seen(self.candidate, self.arm, self.effective):
            return self._unasked(server)
        return self._replayed(server)

    def _unasked(self, server: Server) -> Measurement:
        """Stopped as soon as it was up."""
        up = time.monotonic()
        self.owner.launcher.stop(server)
        missing = self.owner.missing_vram(self.vram_before)
        self.telemetry = {} if not missing else {"vram_missing_bytes": missing}
        seconds = TrialSeconds(load_s=server.load_s, stop_s=time.monotonic() - up)
        return self.measurement(None, seconds)

    def _replayed(self, server: Server) -> Measurement:
        endpoint = self.owner.endpoint(server)
        if self.owner.patience is not None:
            self.owner.patience.loaded(server.load_s)
        began = time.monotonic()
        warm_up(endpoint)
        warmed = time.monotonic()
        owner = self.owner
        with TelemetrySampler(
            probe=owner.probe, gpu_uuid=owner.gpu_uuid, partners=owner.partners
        ) as telemetry:
            replay(
                self.plan,
                endpoint,
                arm=self.arm,
                block=self.block,
                nonce=make_nonce(self.owner.seed, self.owner.mark or self.arm, self.block),
                sink=self._watched(telemetry),
                should_stop=self.enough,
                sent=self.sent.append if self.owner.afterwards else None,
            )
        replayed = time.monotonic()
        self.records.sort(key=lambda record: record.order)
        failure = self._failure(server) or self._asked(server, endpoint)
        asked = time.monotonic()
        self.owner.launcher.stop(server)
        missing = self.owner.missing_vram(self.vram_before)
        self.telemetry = _with_missing(telemetry.summary().to_json(), missing)
        seconds = TrialSeconds(
            load_s=server.load_s,
            warm_up_s=warmed - began,
            replay_s=replayed - warmed,
            after_s=asked - replayed,
            stop_s=time.monotonic() - asked,
        )
        return self.measurement(failure, seconds)

    def _asked(self, server: Server, endpoint: Endpoint) -> Failure | None:
        """Ask what is to be asked after a whole replay; why the measurement fails by an answer."""
        if len(self.records) != len(self.plan.turns):
            return None
        aftermath = Aftermath(
            launcher=self.owner.launcher,
            server=server,
            endpoint=endpoint,
            candidate=self.candidate,
            arm=self.arm,
            block=self.block,
            cache_arm=self.owner.cache_arm,
            sent=tuple(s for s in self.sent if s.planned.order >= self.plan.probe_turns),
            records=tuple(r for r in self.records if r.order >= self.plan.probe_turns),
        )
        for question in self.owner.afterwards:
            try:
                answer = question.after(aftermath)
            except TrialError as error:
                return error.failure
            if answer is not None:
                self.extras[question.name] = answer
        return None

    def _watched(self, telemetry: TelemetrySampler) -> RecordSink:
        """A sink that notes beside each turn what the machine did meanwhile."""

        def take(record: TurnRecord) -> None:
            if record.wall_s is not None:
                now_s = time.monotonic()
                machine = telemetry.turn(now_s - record.wall_s, now_s)
                record = marked(replace(record, machine=machine), telemetry.cores)
            self.records.append(record)
            if self.owner.patience is not None:
                self.owner.patience.saw(record)
            self.sink(record)

        return take

    def _failure(self, server: Server) -> Failure | None:
        """The first failed turn, explained by the log when the engine died of it; before a stop."""
        bad = next((r for r in self.records if not r.ok), None)
        if bad is None:
            problem = check_cache_arm(self.records, self.owner.cache_arm.value)
            return Failure(FailureKind.CACHE_ARM, problem) if problem else None
        return explained(bad, self.owner.launcher, server)

    def measurement(self, failure: Failure | None, seconds: TrialSeconds) -> Measurement:
        """What is known now, with or without a failure."""
        return Measurement(
            candidate=self.candidate,
            arm=self.arm,
            block=self.block,
            records=tuple(self.records),
            failure=failure,
            seconds=seconds,
            whole=len(self.records) == len(self.plan.turns),
            effective=self.effective,
            telemetry=self.telemetry,
            extras=self.extras,
            log_path=self.context.log_path,
        )


def _with_missing(telemetry: dict[str, Any], missing: int | None) -> dict[str, Any]:
    """`telemetry`, and GPU memory that was not returned: what is measured next has less of it."""
    if not missing:
        return telemetry
    reason = f"{missing / 2**30:.1f} GiB of GPU memory did not come back when the engine stopped"
    reasons = (*telemetry["reasons"], reason)
    return {**telemetry, "contaminated": True, "reasons": reasons, "vram_missing_bytes": missing}
