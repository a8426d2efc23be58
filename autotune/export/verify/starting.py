"""An exported file as a command to start: by itself, as its reader would take it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autotune.candidate import Candidate, Setting
from autotune.export.command import PORT, Command, command_of
from autotune.export.env_file import EXTRA
from autotune.export.gpu_kind import PINS, gpu_uuid
from autotune.export.model import ExportConfig
from autotune.launchers.model_setting import with_model
from autotune.launchers.protocol import EXPORT_PORT, LaunchContext, Launcher, LaunchSpec

STARTED = ("shell", "json", "env", "llama-preset", "vllm-yaml", "sglang-args", "manifest")
"""Formats that an engine is started from; the others are for programs that start engines."""

REPORTING: Mapping[str, tuple[str, ...]] = {
    "llama-server": ("--verbosity", "4"),
    "vllm": ("--enable-prompt-tokens-details",),
}
"""Flags that make an engine say more and do nothing else, given besides the file."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file and what it was made from."""

    path: Path
    format: str
    config: ExportConfig


Words = Callable[[Artefact, Command, Sequence[str]], tuple[tuple[str, ...], Mapping[str, str]]]


def spec_of(artefact: Artefact, launcher: Launcher, context: LaunchContext) -> LaunchSpec:
    """What to execute so that nothing but the file decides the settings.

    The environment is as clean as a trial's, but for what the file asks to be set. The port of
    `context` takes the place of the file's, and the engine is asked to say more.
    """
    config = artefact.config
    settings: Mapping[str, Setting] = config.full_settings
    usual = launcher.command(*with_model(Candidate(settings), context))
    command = command_of(config)
    ours = (*port_words(command, context.port), *REPORTING.get(launcher.name, ()))
    argv, variables = _WORDS[artefact.format](artefact, command, ours)
    pinned = PINS if gpu_uuid(config) is not None else ()
    said = {*settings, *pinned, *config.env}
    env = {name: value for name, value in usual.env.items() if name not in said}
    return replace(
        usual,
        argv=argv,
        env={**env, **variables},
        base_url=f"http://{context.host}:{used_port(command, context.port)}",
        files={},
    )


def port_words(command: Command, port: int) -> tuple[str, ...]:
    """The words that put the engine on `port`; none for an engine that takes no port."""
    at = _port_at(command)
    if at is None:
        return ()
    flag = command.flags[at]
    return replace(flag, values=(str(port), *flag.values[1:])).words


def used_port(command: Command, port: int) -> int:
    """`port`, or the usual one where it cannot be said."""
    return EXPORT_PORT if _port_at(command) is None else port


def _port_at(command: Command) -> int | None:
    """Which flag holds the port: ``--port``, or the one that says the port of every export."""
    usual = (str(EXPORT_PORT),)
    named = [at for at, flag in enumerate(command.flags) if flag.name == PORT]
    others = [at for at, flag in enumerate(command.flags) if flag.values[:1] == usual]
    return next(iter([*named, *others]), None)


def _shell(
    artefact: Artefact, command: Command, ours: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """It sets its own variables."""
    return ("/bin/sh", str(artefact.path), *ours), {}


def _json(
    artefact: Artefact, command: Command, ours: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    data = json.loads(artefact.path.read_text(encoding="utf-8"))
    return (*data["argv"], *ours), data["env"]


def _env(
    artefact: Artefact, command: Command, ours: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """As docker reads such a file: every line as it stands. The rest is split at blanks."""
    variables = read_env_file(artefact.path.read_text(encoding="utf-8"))
    extra = variables.pop(EXTRA, "").split()
    return (*command.program, *extra, *ours), variables


def read_env_file(text: str) -> dict[str, str]:
    """``NAME=value`` lines; others are comments."""
    lines = (line for line in text.split("\n") if line and not line.startswith("#"))
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _preset(
    artefact: Artefact, command: Command, ours: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Router mode; what it is given itself goes to every model."""
    host = ("--host", "127.0.0.1")
    argv = (command.program[0], "--models-preset", str(artefact.path), *host, *ours)
    return argv, command.env


def _vllm(
    artefact: Artefact, command: Command, ours: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """In two words, and without the model in front: ``--config`` beats nothing on its command."""
    program = command.program
    start = program[:-1] if program[-2:-1] == ("serve",) else program
    return (*start, "--config", str(artefact.path), *ours), command.env


def _sglang(
    artefact: Artefact, command: Command, ours: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    lines = artefact.path.read_text(encoding="utf-8").split("\n")
    words = shlex.split("\n".join(line for line in lines if not line.startswith("#")))
    return (*command.program, *words, *ours), command.env


_WORDS: Mapping[str, Words] = {
    "shell": _shell,
    "json": _json,
    "env": _env,
    "llama-preset": _preset,
    "vllm-yaml": _vllm,
    "sglang-args": _sglang,
}
