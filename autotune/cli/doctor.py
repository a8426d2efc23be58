"""``autotune doctor``: is this machine fit to measure."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from autotune.cli.engine_words import engine_requests
from autotune.cli.io import CommandIO
from autotune.config.settings import EngineSettings, StudiesSettings
from autotune.config.values import Duration
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from rich.text import Text

    from autotune.hardware.check import Check
    from autotune.hardware.check_machine import ClockLook
    from autotune.hardware.gpu import Gpu, GpuProbe
    from autotune.launchers.protocol import EngineBuild
    from autotune.search.request import RunRequest

SCHEMA_VERSION = "doctor/1"

LOAD_SAMPLE_S = 1.0
"""How long other load is watched."""

SYSTEM_CONFIG_FILES = (Path("/etc/llama.cpp/config.ini"),)
ENGINE_VARIABLES = frozenset({"LLAMA_API_KEY", "AIP_MODE"})
ENGINE_PREFIXES = ("LLAMA_ARG_",)

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


class Doctor(StudiesSettings, EngineSettings):
    """Check whether this machine is fit to measure.

    Looks at the GPU and who holds its memory, at other engines and other load, at the engine and
    the model, at settings that reach an engine unasked, at disk and clocks. Every finding that is
    not ok comes with a fix. The exit code is 3 when something fails.

    With --noise it then measures the engine's defaults again and again, and says by how much two
    runs of the same config differ on this machine. Studies of the same engine, model and kind of
    workload use that for a week: smaller differences are not called differences.

    With --neighbours and several GPUs it makes no checks, and measures by how much workers on the
    other GPUs disturb one on the first: its defaults alone, beside the others at the same work, and
    alone again.

    Examples:
        autotune doctor
        autotune doctor --noise --model model.gguf
        autotune doctor --noise --seconds 5m --model model.gguf --workload captures/
        autotune doctor --neighbours --gpu all --model model.gguf --seconds 5m
        autotune doctor --gpu 3090 --engine llama-server --model model.gguf
        autotune doctor --json
    """

    noise: bool = Field(False, description="measure how far two runs of one config differ")
    neighbours: bool = Field(
        False, description="measure how far workers on the GPUs of --gpu disturb each other"
    )
    seconds: Annotated[Duration, Field(gt=0)] = Field(
        60.0,
        description="how long --noise measures each engine, and --neighbours: 60s, 5m",
        json_schema_extra={"metavar": "TIME"},
    )
    workload: Path | None = Field(
        None,
        description="captured sessions for --noise and --neighbours (default: a small built-in "
        "workload)",
    )

    def run(self, io: CommandIO) -> int:
        """Prints the findings, or one JSON document."""
        if self.neighbours:
            return self._neighbours(io)
        from autotune.hardware.check import any_failed

        checks = []
        for check in self.checks():
            checks.append(check)
            if not io.json:
                io.out.print(_line(check), soft_wrap=True)
        failed = any_failed(checks)
        noise = self._noise(io) if self.noise and not failed else None
        if io.json:
            io.emit_json(_document(checks, fit=not failed, noise=noise))
        return int(ExitCode.MACHINE if failed else ExitCode.DONE)

    def _neighbours(self, io: CommandIO) -> int:
        from autotune.cli.doctor_neighbours import neighbours_of
        from autotune.errors import UserError

        requests = list(engine_requests(self).values())
        if len(requests) != 1 or self.noise:
            raise UserError(
                "--neighbours measures one engine, and nothing besides",
                "name one engine with --engine, and leave --noise out",
            )
        return neighbours_of(requests[0], self.workload, self.seconds, io)

    def _noise(self, io: CommandIO) -> dict[str, Any]:
        from autotune.cli.doctor_noise import noise_of

        return noise_of(engine_requests(self), self.workload, self.seconds, io)

    def checks(self) -> Iterator[Check]:
        """Every check, as it is made. Raises `UserError` for a ``--gpu`` that says nothing."""
        from autotune.hardware.check_serving import check_engine
        from autotune.hardware.probe import gpu_probe

        with gpu_probe() as probe:
            gpu = yield from _gpu_checks(probe, self.gpu)
        yield from _machine_checks(self.studies_dir)
        yield from _neighbour_checks()
        for request in engine_requests(self).values():
            yield check_engine(partial(_detect, request))
            if request.model is not None:
                yield _model_check(request.model, gpu)
        yield from _hidden_settings(os.environ)


def _detect(request: RunRequest) -> EngineBuild:
    """The engine that ``autotune run`` would tune."""
    from autotune.search.setup import find_engine

    return find_engine(request)[1]


def _model_check(path: Path, gpu: Gpu | None) -> Check:
    from autotune.hardware.check_serving import check_model
    from autotune.hardware.cpu import memory_available_bytes
    from autotune.models.metadata import read_model

    return check_model(
        lambda: read_model(path.expanduser()),
        vram_free_bytes=gpu.free_bytes if gpu else None,
        memory_available_bytes=memory_available_bytes(),
    )


def _gpu_checks(probe: GpuProbe, ask: str) -> Generator[Check, None, Gpu | None]:
    """Checks of the card; returns the card."""
    from autotune.hardware.check_gpu import check_clocks, check_gpu, check_vram
    from autotune.hardware.cpu import memory_available_bytes
    from autotune.hardware.processes import process_name

    check, gpu = check_gpu(probe, ask)
    yield check
    if gpu is not None:
        state = probe.state(gpu.uuid)
        memory = memory_available_bytes()
        yield check_vram(gpu, state, name_of=process_name, memory_available_bytes=memory)
        yield check_clocks(gpu, state)
    return gpu


def _machine_checks(studies_dir: Path) -> Iterator[Check]:
    """Processor, other load, clocks and disk; the load sample takes `LOAD_SAMPLE_S`."""
    from autotune.hardware.check_load import check_load
    from autotune.hardware.check_machine import check_clock, check_cpu, check_disk
    from autotune.hardware.cpu import memory_available_bytes, read_cpu
    from autotune.hardware.load import LoadMeter

    yield check_cpu(read_cpu(), memory_available_bytes())
    before = _clock_look()
    yield check_load(LoadMeter(lambda: (os.getpid(),)), time.sleep, LOAD_SAMPLE_S)
    resolution_s = time.get_clock_info("monotonic").resolution
    yield check_clock(before, _clock_look(), resolution_s)
    yield check_disk(studies_dir)


def _neighbour_checks() -> Iterator[Check]:
    """Other engines, and those that an autotune left behind."""
    from autotune.hardware.check_load import check_engines, check_leftovers
    from autotune.hardware.engines import running_engines

    leftovers = _leftovers()
    yield check_engines(running_engines(ours={os.getpid(), *leftovers}))
    yield check_leftovers(leftovers)


def _leftovers() -> list[int]:
    """Engines of ours whose tuner is gone."""
    from autotune.hardware.processes import with_variable
    from autotune.launchers.marks import TRIAL

    return [pid for pid, environment in with_variable(TRIAL) if _tuner_is_gone(environment)]


def _tuner_is_gone(environment: Mapping[str, str]) -> bool:
    from autotune.launchers.marks import TUNER_PID, TUNER_START, start_mark

    pid, start = environment.get(TUNER_PID, ""), environment.get(TUNER_START, "")
    return pid.isdigit() and bool(start) and start_mark(int(pid)) != start


def _hidden_settings(environment: Mapping[str, str]) -> list[Check]:
    from autotune.hardware.check_config import check_hidden_settings

    home = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return check_hidden_settings(
        system_files=SYSTEM_CONFIG_FILES,
        user_files=[home / "llama.cpp" / "config.ini"],
        environment=environment,
        prefixes=ENGINE_PREFIXES,
        names=ENGINE_VARIABLES,
    )


def _clock_look() -> ClockLook:
    from autotune.hardware.check_machine import ClockLook

    return ClockLook(time.time(), time.monotonic())


def _line(check: Check) -> Text:
    """``[warn] other load: ...`` and its fix on a line of its own."""
    from rich.text import Text

    line = Text()
    line.append(f"{f'[{check.status}]':<7}", style=_STYLES[check.status])
    line.append(f"{check.name}: {check.message}")
    if check.fix:
        line.append(f"\n       fix: {check.fix}")
    return line


def _document(
    checks: list[Check], *, fit: bool, noise: dict[str, Any] | None = None
) -> dict[str, Any]:
    """``noise`` is there where it was measured, by engine."""
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "fit": fit,
        "checks": [check.to_json() for check in checks],
    }
    return document if noise is None else {**document, "noise": noise}
