"""An engine started from an exported file: its settings read back, a few turns replayed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.export.command import command_of
from autotune.export.gpu_kind import PINS, gpu_uuid
from autotune.export.options import ExportOptions, service_name
from autotune.export.verify.known_turns import KnownTurns, pairs
from autotune.export.verify.outcome import TurnPair, Verification
from autotune.export.verify.router import RouterLauncher
from autotune.export.verify.starting import Artefact, spec_of
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.http import ask_ok, dig
from autotune.launchers.process import free_port, launch_as
from autotune.launchers.protocol import EngineBuild, LaunchContext, Launcher, LaunchSpec, Server
from autotune.launchers.registry import make_launcher
from autotune.launchers.settings_check import differences
from autotune.replay.driver import replay, warm_up
from autotune.replay.endpoint import Endpoint
from autotune.replay.nonce import make_nonce
from autotune.replay.plan import ReplayPlan
from autotune.replay.probe import probe_rendering
from autotune.trial.real import RealMeasurer
from autotune.workload.model import Message

NAME = "verify"
_MACHINES = frozenset(
    {
        FailureKind.OUT_OF_MEMORY,
        FailureKind.MODEL_MISSING,
        FailureKind.PORT_TAKEN,
        FailureKind.WRONG_SERVER,
        FailureKind.TIMEOUT,
    }
)
"""Failures that say nothing about the file."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where the engine is started, and how long it may take."""

    logs_dir: Path
    work_dir: Path
    start_timeout_s: float = 600.0


def verify_live(
    artefact: Artefact,
    options: ExportOptions,
    known: KnownTurns,
    room: Room,
    say: Callable[[str], None],
) -> Verification:
    """Start the engine from `artefact` and compare. `say` is told what is under way.

    Raises `MachineError` where the engine or the model is not here, or the machine cannot hold it.
    """
    measurer = _measurer(artefact, options, room)
    build = measurer.launcher.detect()
    context = _context(measurer, artefact)
    say(f"starting {build.engine} from {artefact.path}")
    try:
        server = launch_as(measurer.launcher, _spec(artefact, measurer, context), context)
    except TrialError as error:
        shutil.rmtree(context.work_dir, ignore_errors=True)
        return _refused(artefact, error.failure, context)
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, context.work_dir, ignore_errors=True)
        undo.callback(measurer.launcher.stop, server)
        return _verified(artefact, measurer, server, build, known, say)


def _measurer(artefact: Artefact, options: ExportOptions, room: Room) -> RealMeasurer:
    config = artefact.config
    model = Path(str(config.full_settings.get("model") or config.provenance.model or ""))
    if not model.is_absolute() or not model.exists():
        raise MachineError(
            f"there is no model at {model}, so nothing can be started",
            "verify it on the machine that has the model",
        )
    return RealMeasurer(
        launcher=_launcher(artefact, options),
        model=model,
        logs_dir=room.logs_dir,
        work_dir=room.work_dir,
        seed=0,
        start_timeout_s=room.start_timeout_s,
    )


def _launcher(artefact: Artefact, options: ExportOptions) -> Launcher:
    """The engine's own launcher, by the program of the config where that is here."""
    config = artefact.config
    named = Path(command_of(config).program[0])
    program = named if named.is_absolute() and named.exists() else None
    if artefact.format == "llama-preset":
        return RouterLauncher(program, service_name(config, options))
    if artefact.format == "manifest":
        return make_launcher(str(artefact.path), engine_path=program)
    return make_launcher(config.provenance.engine or "llama-server", engine_path=program)


def _context(measurer: RealMeasurer, artefact: Artefact) -> LaunchContext:
    """A port of our own, and the GPU that the file should name by itself."""
    context = measurer.context(f"{NAME}-{artefact.format}")
    pins = {n: v for n, v in artefact.config.env.items() if n in PINS}
    return replace(
        context,
        port=free_port(context.host),
        gpu_uuid=gpu_uuid(artefact.config),
        gpu_pin=pins or None,
    )


def _spec(artefact: Artefact, measurer: RealMeasurer, context: LaunchContext) -> LaunchSpec:
    if artefact.format == "manifest":
        return measurer.launcher.command(Candidate({}), context)
    return spec_of(artefact, measurer.launcher, context)


def _refused(artefact: Artefact, failure: Failure, context: LaunchContext) -> Verification:
    """Raises `MachineError` for a failure that is no fault of the file."""
    told = f"the engine does not start from it: {failure.message}"
    if failure.kind in _MACHINES:
        raise MachineError(told, f"its log is {context.log_path}")
    return Verification(
        format=artefact.format,
        started=True,
        problems=(told,),
        checked=("the engine was started from the file",),
        notes=(f"its log is {context.log_path}",),
    )


def _verified(
    artefact: Artefact,
    measurer: RealMeasurer,
    server: Server,
    build: EngineBuild,
    known: KnownTurns,
    say: Callable[[str], None],
) -> Verification:
    asked = {n: v for n, v in artefact.config.full_settings.items() if n != "model"}
    effective = measurer.launcher.effective(server)
    measurer.launcher.model_name = served_name(server, measurer.launcher.model_name)
    say("replaying a few turns" if known.plan is not None else "sending a short prompt")
    turns, replayed, notes = _turns(measurer, server, known)
    read_back = {n: v for n, v in effective.items() if n in asked}
    return Verification(
        format=artefact.format,
        started=True,
        problems=differences(asked, effective),
        checked=(
            "the engine was started from the file",
            _settings_text(read_back, asked),
            replayed,
        ),
        read_back=read_back,
        unread=tuple(sorted(set(asked) - set(read_back))),
        turns=turns,
        load_s=round(server.load_s, 3),
        notes=(*known.notes, *notes, *_build_notes(artefact, build)),
    )


def served_name(server: Server, usual: str) -> str:
    """What requests must call the model: `usual`, unless the engine lists others only.

    An exported command gives it no name, and vLLM then knows it by its path alone.
    """
    answer = ask_ok(server.base_url, "/v1/models")
    listed = dig(answer.body, "data") if answer is not None else None
    names = [dig(row, "id") for row in listed] if isinstance(listed, list) else []
    known = [name for name in names if isinstance(name, str)]
    return usual if usual in known or not known else known[0]


def _settings_text(read_back: Mapping[str, Setting], asked: Mapping[str, Setting]) -> str:
    return f"{len(read_back)} of {len(asked)} settings read back from the engine"


def _turns(
    measurer: RealMeasurer, server: Server, known: KnownTurns
) -> tuple[tuple[TurnPair, ...], str, tuple[str, ...]]:
    """What was replayed, in figures and in words, and what a person should know of it."""
    endpoint = measurer.endpoint(server)
    outcome = warm_up(endpoint)
    if outcome.failure is not None:
        failed = TurnPair(session_id="short prompt", turn=0, failure=f"{outcome.failure}")
        return (failed,), "a short prompt", ()
    if known.plan is None:
        return (), "a short prompt was answered", ()
    endpoint, notes = _rendered(measurer, server, known.plan, endpoint)
    records = replay(
        known.plan,
        endpoint,
        arm=NAME,
        block=0,
        nonce=make_nonce(measurer.seed, NAME, server.process.pid),
        sink=lambda _: None,
    )
    found = pairs(records, known.measured)
    return found, f"{len(found)} turns of the study replayed", notes


def _rendered(
    measurer: RealMeasurer, server: Server, plan: ReplayPlan, endpoint: Endpoint
) -> tuple[Endpoint, tuple[str, ...]]:
    def count(messages: tuple[Message, ...], tools: tuple[Mapping[str, Any], ...]) -> int | None:
        return measurer.launcher.count_tokens(server, messages, tools)

    rendering, notes = probe_rendering(count, plan)
    return replace(endpoint, rendering=rendering), notes


def _build_notes(artefact: Artefact, build: EngineBuild) -> tuple[str, ...]:
    tuned = (artefact.config.provenance.engine_sha256 or "").removeprefix("sha256:")
    if tuned in ("", build.binary_sha256.removeprefix("sha256:")):
        return ()
    return (f"it was tuned on another build of {build.engine} than the one here",)
