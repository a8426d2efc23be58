"""An A/A run: the same config again and again, to see by how much its figures differ."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.hardware.probe import gpu_probe
from autotune.records import TurnRecord
from autotune.scoring.contaminated import contaminated
from autotune.scoring.noise import NoiseFloor, noise_floor
from autotune.search.floor_cache import FloorCache, FloorKey, floor_key
from autotune.search.free_gpu import require_free_gpu
from autotune.search.layout import Layout, lay_out
from autotune.search.opening import make_measurer, scratch
from autotune.search.request import RunRequest
from autotune.search.setup import Setup, set_up
from autotune.search.space import to_settings
from autotune.search.surveying import surveyed
from autotune.trial.real import RealMeasurer
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

MOST_RUNS = 60
"""By then Student's factor is 2.0; more runs tell nothing new."""

LEAST_RUNS = 2

BUILT_IN = SynthesisSpec(sessions=2, turns=8, start_depth=800, depth=2_000, reply_tokens=24)
"""What is replayed where no workload is named: short, and yet with reuse and some depth."""


@dataclass(frozen=True, slots=True)
class AaRun:
    """One run ended: its number from 1, what it took, and whether others disturbed it."""

    number: int
    seconds: float
    turn_s: float | None
    disturbed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AaResult:
    """The floor, what it was measured on, and how many of the runs others disturbed."""

    floor: NoiseFloor
    key: FloorKey
    model: str
    runs: int
    disturbed: int
    seconds: float


def write_built_in(path: Path) -> Path:
    """The built-in workload as a capture file at `path`; always the same."""
    write_capture(synthesize(BUILT_IN), path)
    return path


def measure_floor(
    request: RunRequest,
    seconds: float,
    told: Callable[[AaRun], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> AaResult:
    """Measure the engine's defaults on the workload again and again for about `seconds`.

    Every run starts its own server, as trials do; at least two are made, however long they take.
    What comes of it is kept for studies of this machine, engine, model and kind of workload.
    Raises `UserError` and `MachineError` as a study does.
    """
    with ExitStack() as stack:
        probe = stack.enter_context(gpu_probe())
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autotune-aa-")))
        setup = set_up(replace(request, studies_dir=place, study="aa"), probe)
        require_free_gpu(setup, probe)
        measurer = make_measurer(setup, stack.enter_context(scratch()), probe)
        survey = surveyed(setup, measurer)
        layout = lay_out(setup, survey, None)
        plain = replace(measurer, rendering=survey.rendering, afterwards=())
        began = clock()
        runs = _runs(plain, layout, lambda: clock() - began, seconds, told)
        return _result(setup, layout, runs, clock() - began)


def _runs(
    measurer: RealMeasurer,
    layout: Layout,
    elapsed_s: Callable[[], float],
    seconds: float,
    told: Callable[[AaRun], None],
) -> list[tuple[TurnRecord, ...]]:
    candidate = Candidate(to_settings(layout.space, layout.space.defaults))
    runs: list[tuple[TurnRecord, ...]] = []
    last_s = 0.0
    while len(runs) < LEAST_RUNS or (len(runs) < MOST_RUNS and elapsed_s() + last_s <= seconds):
        found = measurer.measure(
            candidate, layout.search_plan, arm="aa", block=len(runs), sink=lambda _: None
        )
        if found.failure is not None:
            raise MachineError(
                f"the engine's defaults cannot be measured: {found.failure.message}",
                "see autotune doctor; another --model or --workload may fit this machine",
            )
        runs.append(found.records)
        last_s = found.seconds.total_s
        turn_s = layout.judge.score(found.records).turn_s
        told(AaRun(len(runs), last_s, turn_s, contaminated(found.records).spoiled))
    return runs


def _result(
    setup: Setup, layout: Layout, runs: Sequence[tuple[TurnRecord, ...]], seconds: float
) -> AaResult:
    disturbed = sum(contaminated(records).spoiled for records in runs)
    floor = noise_floor(
        runs,
        keys=layout.judge.at_depth,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        quiet=disturbed == 0,
    )
    if floor is None:
        raise MachineError(
            "two runs of the workload share no turns that could be compared",
            "give a workload with at least four turns: --workload PATH",
        )
    key = floor_key(setup, layout)
    FloorCache(setup.request.noise_cache).write(key, floor)
    return AaResult(
        floor=floor,
        key=key,
        model=setup.model_path.name,
        runs=len(runs),
        disturbed=disturbed,
        seconds=seconds,
    )
