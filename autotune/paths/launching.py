"""An engine that is started for its path, read back, and stopped behind it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError, UserError
from autotune.launchers.failure import Failure, TrialError
from autotune.launchers.process import launch
from autotune.launchers.protocol import EngineBuild, Server
from autotune.launchers.registry import make_launcher
from autotune.launchers.settings_check import differences
from autotune.paths.served import Served
from autotune.paths.spec import LaunchedPath
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import ReplayPlan
from autotune.replay.probe import probe_rendering
from autotune.trial.real import RealMeasurer
from autotune.workload.model import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where engines are started: folders for logs and private homes, and which GPU they see."""

    logs_dir: Path
    work_dir: Path
    seed: int
    gpu_uuid: str | None = None
    gpu_pin: Mapping[str, str] | None = None
    start_timeout_s: float = 600.0


@contextmanager
def launched(path: LaunchedPath, plan: ReplayPlan, bench: Bench, label: str) -> Iterator[Served]:
    """The engine of `path`, running with the settings asked for; stopped at the end.

    Raises `UserError` for a model that is not there, `MachineError` when the engine does not start
    or does not run as asked.
    """
    measurer = _measurer(path, bench)
    build = measurer.launcher.detect()
    context = measurer.context(label)
    try:
        server = launch(measurer.launcher, Candidate(path.settings), context)
    except TrialError as error:
        shutil.rmtree(context.work_dir, ignore_errors=True)
        raise MachineError(
            f"{path.name} does not start: {error.message}", f"its log is {context.log_path}"
        ) from None
    try:
        yield _served(path, plan, measurer, server, build)
    finally:
        measurer.launcher.stop(server)
        shutil.rmtree(context.work_dir, ignore_errors=True)


def _measurer(path: LaunchedPath, bench: Bench) -> RealMeasurer:
    model = path.model.expanduser()
    if not model.exists():
        raise UserError(f"there is no model at {model}", "check --model, or the exported config")
    return RealMeasurer(
        launcher=make_launcher(path.engine, engine_path=path.engine_path),
        model=model.resolve(),
        logs_dir=bench.logs_dir,
        work_dir=bench.work_dir,
        seed=bench.seed,
        gpu_uuid=bench.gpu_uuid,
        gpu_pin=bench.gpu_pin,
        start_timeout_s=bench.start_timeout_s,
    )


def _served(
    path: LaunchedPath,
    plan: ReplayPlan,
    measurer: RealMeasurer,
    server: Server,
    build: EngineBuild,
) -> Served:
    effective = _effective(path, measurer, server)
    rendering, notes = _rendering(path, plan, measurer, server)
    endpoint = replace(measurer, rendering=rendering).endpoint(server)

    def why_dead() -> Failure | None:
        code = server.process.poll()
        return None if code is None else measurer.launcher.failure(server.log_text(), code)

    return Served(
        endpoint=endpoint,
        facts=_facts(path, measurer, server, build, rendering, effective, endpoint.fixed_length),
        notes=(*notes, *_notes(path, build)),
        why_dead=why_dead,
    )


def _effective(path: LaunchedPath, measurer: RealMeasurer, server: Server) -> Mapping[str, Setting]:
    """What the engine says it runs with. Raises `MachineError` when it is not what was asked."""
    try:
        effective = measurer.launcher.effective(server)
    except TrialError as error:
        raise MachineError(f"{path.name}: {error.message}", _log_hint(server)) from None
    if differing := differences(server.spec.asked, effective):
        raise MachineError(
            f"{path.name} does not run with what it was given: {'; '.join(differing)}",
            _log_hint(server),
        )
    return effective


def _log_hint(server: Server) -> str:
    return f"its log is {server.context.log_path}"


def _rendering(
    path: LaunchedPath, plan: ReplayPlan, measurer: RealMeasurer, server: Server
) -> tuple[Rendering, tuple[str, ...]]:
    if path.rendering is not None:
        return path.rendering, ()

    def count(messages: tuple[Message, ...], tools: tuple[Mapping[str, Any], ...]) -> int | None:
        return measurer.launcher.count_tokens(server, messages, tools)

    return probe_rendering(count, plan)


def _facts(
    path: LaunchedPath,
    measurer: RealMeasurer,
    server: Server,
    build: EngineBuild,
    rendering: Rendering,
    effective: Mapping[str, Setting],
    fixed_length: bool,
) -> dict[str, Any]:
    return {
        "identity": path.identity,
        "serves": build.engine,
        "version": build.version,
        "engine_sha256": build.binary_sha256,
        "model": measurer.model.name,
        "origin": path.origin,
        "effective": dict(effective),
        "rendering": rendering.value,
        "fixed_length": fixed_length,
        "hosted": False,
        "load_s": round(server.load_s, 3),
        "log": str(server.context.log_path),
    }


def _notes(path: LaunchedPath, build: EngineBuild) -> tuple[str, ...]:
    if path.tuned_sha256 in (None, build.binary_sha256):
        return ()
    return (f"{path.name} was tuned on another build of {build.engine} than the one here",)
