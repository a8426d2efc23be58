"""A few deep turns of the live config against its figures of another night.

The config and then the defaults are started once each and asked the same turns as when the figures
were taken. Where that is half of drift or more, both are started once more, the other way round,
and only what both looks agree on is drift: one bad launch is no reason to spend a budget. A launch
that failed, or that others disturbed, is made again; disturbed twice, it says nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autotune.candidate import Setting
from autotune.hardware.gpu import GpuProbe
from autotune.launchers.failure import Failure
from autotune.nightly.canary_plan import CanaryTurns
from autotune.nightly.drift import Moved, Seconds, agree, night_floor, shift, together, words
from autotune.nightly.fingerprint import Seen
from autotune.nightly.night_record import CanaryNote
from autotune.nightly.reference import (
    DEFAULT,
    LIVE,
    TRIES,
    Reference,
    is_disturbed,
    run_once,
    turn_seconds,
)
from autotune.replay.endpoint import Rendering
from autotune.trial.measurement import Measurement, Measurer
from autotune.trial.real import RealMeasurer

MARK = "canary"
"""Prompts of every night are the same to the last byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryResult:
    """What a canary saw.

    `ratio` is seconds now over seconds then, above 1 is slower, with its interval; ``None`` where
    nothing could be compared. `floor` is how far two nights may lie apart, as a ratio.
    `machine_ratio` is the same figure of the engine's defaults, where they were asked.
    `is_faster` says that the figures of then were of a bad moment: take them anew. `failure` is
    why the config in use does not run any more, twice, which is drift too.
    """

    turns: int
    ratio: float | None
    low: float | None = None
    high: float | None = None
    floor: float
    machine_ratio: float | None = None
    drifted: bool
    is_faster: bool = False
    said: str
    failure: Failure | None = None
    seconds: float = 0.0

    def note(self) -> CanaryNote:
        """What a night keeps of it."""
        return CanaryNote(
            turns=self.turns,
            ratio=self.ratio,
            low=self.low,
            high=self.high,
            floor=self.floor,
            machine_ratio=self.machine_ratio,
            drifted=self.drifted,
            said=self.said,
        )


def canary_measurer(
    seen: Seen, probe: GpuProbe, *, logs: Path, work: Path, rendering: Rendering
) -> RealMeasurer:
    """Starts tonight's engine with tonight's model, for a canary or for its reference.

    `logs` keeps a log a launch; `work` holds the engine's private homes.
    """
    return RealMeasurer(
        launcher=seen.launcher,
        model=seen.model.resolve(),
        logs_dir=logs,
        work_dir=work,
        seed=0,
        rendering=rendering,
        gpu_uuid=None if seen.gpu is None else seen.gpu.uuid,
        gpu_pin=None if seen.gpu is None else seen.gpu.pin,
        probe=probe,
        mark=MARK,
    )


def canary(
    reference: Reference,
    asked: CanaryTurns,
    measurer: Measurer,
    *,
    time_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> CanaryResult:
    """Replays the turns and says whether the config has drifted.

    With `time_s` the defaults, and the second look, are asked only while there is time for them.
    Raises `MachineError` when the machine cannot be measured on.
    """
    if asked.plan.digest != reference.plan_digest:
        return _nothing(reference, "its turns are not those of then, so nothing was compared")
    run = _Run(reference, asked, measurer, time_s, clock, clock())
    return run.go()


def _nothing(reference: Reference, said: str, seconds: float = 0.0) -> CanaryResult:
    floor = math.exp(night_floor(reference.floor))
    return CanaryResult(turns=0, ratio=None, floor=floor, drifted=False, said=said, seconds=seconds)


class _Disturbed(Exception):  # noqa: N818
    """Others used the machine twice: the look says nothing."""


class _Broken(Exception):  # noqa: N818
    """The config in use does not run."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(slots=True)
class _Run:
    """One canary under way."""

    reference: Reference
    asked: CanaryTurns
    measurer: Measurer
    time_s: float | None
    clock: Callable[[], float]
    began_s: float
    live: list[Seconds] = field(default_factory=list)
    default: list[Seconds] = field(default_factory=list)
    launches: int = 0

    def go(self) -> CanaryResult:
        """Look; look again where that went half the way to drift."""
        try:
            moved = self._look((LIVE, DEFAULT))
            looks = [moved]
            if moved.leans and self._has_time():
                moved = self._look((DEFAULT, LIVE))
                looks.append(self._last())
            if agree(looks, moved):
                return self._result(moved, words(moved))
            return self._unsure(moved, looks)
        except _Disturbed:
            said = "others used the machine meanwhile, so nothing was compared"
            return _nothing(self.reference, said, self._spent_s())
        except _Broken as broken:
            return self._broken(broken.failure)

    def _look(self, order: Sequence[str]) -> Moved:
        """Both configs once, or the live one alone; what all looks so far say together."""
        for arm in order:
            if arm == LIVE:
                self.live.append(self._measured(LIVE, self.reference.settings))
            elif self._asks_defaults():
                self.default += self._defaults()
        return self._moved(self.live, self.default)

    def _moved(self, live: Sequence[Seconds], default: Sequence[Seconds]) -> Moved:
        beside = None
        if default:
            beside = shift(self.reference.default_seconds, together(default))
        return Moved(shift(self.reference.seconds, together(live)), beside, self.reference.floor)

    def _last(self) -> Moved:
        """What the last look says by itself."""
        return self._moved(self.live[-1:], self.default[-1:])

    def _defaults(self) -> Iterator[Seconds]:
        """Their look; none where they do not run any more: the config in use does."""
        try:
            yield self._measured(DEFAULT, self.reference.default_settings)
        except (_Broken, _Disturbed):
            return

    def _measured(self, arm: str, settings: Mapping[str, Setting]) -> Seconds:
        """One launch, and another where it failed or others disturbed it."""
        for _ in range(TRIES):
            found = run_once(self.measurer, self.asked, settings, arm=arm, block=self.launches)
            self.launches += 1
            if found.failure is None and not is_disturbed(found):
                return self._seconds(found)
        if found.failure is not None:
            raise _Broken(found.failure)
        raise _Disturbed

    def _seconds(self, found: Measurement) -> Seconds:
        return turn_seconds(found.records, self.asked.scored, self.reference.objective)

    def _asks_defaults(self) -> bool:
        run_s = self.reference.default_run_s
        if not self.reference.default_seconds or run_s is None:
            return False
        return self.time_s is None or self._spent_s() + run_s <= self.time_s

    def _has_time(self) -> bool:
        run_s = self.reference.live_run_s + (self.reference.default_run_s or 0.0)
        return self.time_s is None or self._spent_s() + run_s <= self.time_s

    def _spent_s(self) -> float:
        return self.clock() - self.began_s

    def _result(self, moved: Moved, said: str) -> CanaryResult:
        bounds = moved.interval(len(self.live)) or (None, None)
        steady = moved.ratio is not None and not moved.drifted
        return CanaryResult(
            turns=moved.live.turns,
            ratio=moved.ratio,
            low=bounds[0],
            high=bounds[1],
            floor=math.exp(moved.floor),
            machine_ratio=moved.machine_ratio,
            drifted=moved.drifted,
            is_faster=steady and (moved.is_faster or self.reference.disturbed),
            said=said,
            seconds=self._spent_s(),
        )

    def _unsure(self, moved: Moved, looks: Sequence[Moved]) -> CanaryResult:
        """What is no drift yet; the next night looks again."""
        why = "one look, and there was no time for a second one"
        if len(looks) > 1:
            why = "one look of two was slower or faster"
        said = f"{moved.ratio:.2f}x the seconds of then, which is no drift yet: {why}"
        return replace(self._result(moved, said), drifted=False, is_faster=False)

    def _broken(self, failure: Failure) -> CanaryResult:
        nothing = _nothing(self.reference, "", self._spent_s())
        return CanaryResult(
            turns=0,
            ratio=None,
            floor=nothing.floor,
            drifted=True,
            said=f"the config in use does not run any more: {failure.message}",
            failure=failure,
            seconds=nothing.seconds,
        )
