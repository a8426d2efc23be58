"""Canaries of a generation: the turns and figures that lie with it, and tonight's look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from autotune.candidate import Setting
from autotune.errors import AutotuneError
from autotune.hardware.gpu import GpuProbe
from autotune.nightly.canary import CanaryResult, canary, canary_measurer
from autotune.nightly.canary_plan import (
    FILE,
    CanaryTurns,
    choose_windows,
    read_canary,
    write_windows,
)
from autotune.nightly.fingerprint import Seen
from autotune.nightly.generations import Generation
from autotune.nightly.reference import Reference, Subject, take_reference
from autotune.replay.endpoint import Rendering
from autotune.search.floor_cache import FloorCache, floor_key
from autotune.search.layout import Layout, lay_out
from autotune.search.opening import make_measurer, scratch
from autotune.search.request import RunRequest
from autotune.search.setup import Setup, set_up
from autotune.search.shared import stored_shared
from autotune.search.space import to_settings
from autotune.search.surveying import surveyed
from autotune.trial.real import RealMeasurer
from autotune.trial.survey import Survey

LOGS = "canary-logs"


@dataclass(frozen=True, slots=True)
class CanarySite:
    """Where canaries of one target are: its state folder, and what the night has seen."""

    state: Path
    seen: Seen
    probe: GpuProbe

    @contextmanager
    def measurer(self, rendering: Rendering) -> Iterator[RealMeasurer]:
        """Starts tonight's engine; its private homes are gone afterwards."""
        with scratch() as work:
            logs = self.state / LOGS
            yield canary_measurer(self.seen, self.probe, logs=logs, work=work, rendering=rendering)

    def refresh(
        self,
        generation: Generation,
        request: RunRequest,
        turns: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Reference:
        """Measures what later canaries of `generation` are compared with.

        `request` is that of the study that ended last: its turns are the ones that count now. It
        launches no survey where the study took one. The figures are the caller's to keep
        (`Generations.set_reference`). Raises `UserError` and `MachineError` like a study, and
        `MachineError` when the config does not run.
        """
        study = _studied(request, self.probe)
        path = generation.folder / FILE
        depths = study.survey.depths
        plan, at_depth = study.layout.search_plan, study.layout.judge.at_depth
        write_windows(choose_windows(plan, at_depth, depths, turns), path)
        asked = read_canary(path, plan.history)
        with self.measurer(study.survey.rendering) as measurer:
            settings = generation.config().full_settings
            return take_reference(study.subject(settings), asked, measurer, now)

    def look(self, generation: Generation, time_s: float | None = None) -> CanaryResult | None:
        """Tonight's canary of `generation`; ``None`` where it has no figures to compare with.

        Figures that are damaged, or that another version wrote, are as good as none: they can be
        taken anew. Raises `MachineError` where the machine cannot be measured on.
        """
        found = _kept(generation)
        if found is None:
            return None
        reference, asked = found
        with self.measurer(reference.rendering) as measurer:
            return canary(reference, asked, measurer, time_s=time_s)


def _kept(generation: Generation) -> tuple[Reference, CanaryTurns] | None:
    """What lies with `generation`, where it can be read."""
    try:
        figures = generation.reference()
        if figures is None:
            return None
        reference = Reference.from_json(figures, str(generation.folder / "reference.json"))
        return reference, read_canary(generation.folder / FILE, reference.history)
    except AutotuneError:
        return None


@dataclass(frozen=True, slots=True)
class _Studied:
    """A study laid out again as it was when it ran."""

    setup: Setup
    layout: Layout
    survey: Survey

    def subject(self, settings: Mapping[str, Setting]) -> Subject:
        """What a reference is taken of: `settings`, beside the defaults of the study."""
        space = self.layout.space
        cache = FloorCache(self.setup.request.noise_cache)
        return Subject(
            settings=settings,
            default_settings=to_settings(space, space.defaults),
            objective=self.layout.judge.objective,
            rendering=self.survey.rendering,
            history=self.layout.search_plan.history,
            floor=cache.read(floor_key(self.setup, self.layout)),
        )


def _studied(request: RunRequest, probe: GpuProbe) -> _Studied:
    """Without its incumbent: the defaults are the engine's, whatever is in use."""
    setup = set_up(replace(request, incumbent=None), probe)
    with scratch() as work:
        survey = surveyed(setup, make_measurer(setup, work, probe))
    return _Studied(setup, lay_out(setup, survey, stored_shared(setup.folder)), survey)
