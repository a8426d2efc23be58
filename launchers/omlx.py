"""oMLX: serves MLX models on Apple Silicon.

It writes its command line into a settings file, keeps a prefix cache on disk that survives it,
loads a model at its first request, and may end a reply when it likes. Each launch gets a data
directory of its own for all of that.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.arguments import arguments
from autotune.launchers.count_by_asking import count_by_asking
from autotune.launchers.environment import inherited, private
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.failures import explain
from autotune.launchers.habits import Habits
from autotune.launchers.http import ask, ask_ok, dig
from autotune.launchers.omlx_failures import PATTERNS
from autotune.launchers.omlx_settings import (
    ALWAYS,
    asked_settings,
    cache_in_log,
    check,
    global_file,
    in_files,
    model_file,
    settings_written,
    text_of_file,
)
from autotune.launchers.process import stop_process
from autotune.launchers.program import find_program, flags_in, output_of, sha256_of, usages_in
from autotune.launchers.protocol import CacheArm, EngineBuild, LaunchContext, LaunchSpec, Server
from autotune.launchers.python_package import installed, interpreter_of

HERE = f"{sys.platform}-{platform.machine()}"
APPLE_SILICON = "darwin-arm64"

_HINT = "install oMLX so that omlx is on PATH, or give --engine-path FILE"
_ELSEWHERE = "serve it on a Mac and measure it: autotune replay --endpoint http://HOST:8000"
_HELP_TIMEOUT_S = 120.0

OWN_SECTIONS: Mapping[str, Mapping[str, Any]] = {
    "auth": {"skip_api_key_verification": True, "allow_unauthenticated_inference": True},
    "huggingface": {"hf_cache_enabled": False},
}
"""On loopback nobody has to know a key, and only the named model is looked for."""


class OmlxLauncher:
    """One server per trial, below a base path that is thrown away. `here` is this machine."""

    name = "omlx"
    model_name = "local"
    habits = Habits(pins_length=False, bursts=True)
    stop_grace_s = 20.0
    """Cache blocks under way are written to disk first."""

    def __init__(self, engine_path: Path | None = None, *, here: str = HERE) -> None:
        self._engine_path = engine_path
        self._here = here
        self._build: EngineBuild | None = None

    @property
    def search_space(self) -> str:
        """The space that ships for it."""
        return "omlx"

    @property
    def cached_tokens_path(self) -> None:
        """Where OpenAI puts it."""

    def detect(self) -> EngineBuild:
        """The program given, or ``omlx`` on PATH; asked once.

        Raises `MachineError` where it cannot run, is not there, or does not answer.
        """
        if self._here != APPLE_SILICON:
            raise MachineError(f"oMLX runs on Apple Silicon, this is {self._here}", _ELSEWHERE)
        if self._build is None:
            self._build = self._probe()
        return self._build

    def _probe(self) -> EngineBuild:
        path = find_program(self._engine_path, self.name, _HINT)
        env = inherited(os.environ)
        told = output_of([str(path), "serve", "--help"], env, _HINT, timeout_s=_HELP_TIMEOUT_S)
        python = interpreter_of(path)
        package = installed(Path(python), "omlx", env) if python is not None else None
        version, digest = "unknown", ""
        if package is not None:
            version, digest = package.version, package.sha256
        digest = digest or sha256_of(path)
        return EngineBuild(self.name, str(path), version, digest, flags_in(told), usages_in(told))

    def command(self, candidate: Candidate, context: LaunchContext) -> LaunchSpec:
        """What would be executed, and the settings files it starts from.

        Raises `TrialError` (``BAD_FLAG``) for settings that are refused or that the build lacks.
        """
        for name in candidate.settings:
            check(name, self._accepted())
        cold = context.cache_arm is CacheArm.OFF
        asked = asked_settings(candidate.settings, cold=cold)
        base = base_path(context)
        argv = [*self._serve(context), "--base-path", str(base)]
        if not cold:
            argv += ["--paged-ssd-cache-dir", str(base / "ssd-cache")]
        return LaunchSpec(
            argv=(*argv, *self._flags({**self._always(), **asked})),
            env=private(context),
            cwd=context.work_dir,
            asked={n: v for n, v in asked.items() if not n.startswith("model_settings.")},
            base_url=f"http://{context.host}:{context.port}",
            files=self._files(asked, context, base),
        )

    def _accepted(self) -> frozenset[str]:
        return self._build.flags if self._build is not None else frozenset()

    def _always(self) -> dict[str, Setting]:
        accepted = self._accepted()
        return {n: v for n, v in ALWAYS.items() if not accepted or n in accepted}

    def _serve(self, context: LaunchContext) -> list[str]:
        path = str(self._engine_path) if self._engine_path is not None else "omlx"
        program = self._build.path if self._build is not None else path
        where = ["--host", context.host, "--port", str(context.port)]
        return [program, "serve", "--model-dir", str(context.model), *where]

    def _flags(self, settings: Mapping[str, Setting]) -> tuple[str, ...]:
        """Those that the command line takes; switches are off unless given."""
        flags = {n: v for n, v in settings.items() if not in_files(n) and v is not False}
        return arguments(flags)

    def _files(
        self, asked: Mapping[str, Setting], context: LaunchContext, base: Path
    ) -> dict[Path, str]:
        own = {"model_alias": self.model_name, "is_default": True}
        return {
            base / "settings.json": text_of_file(global_file(asked, OWN_SECTIONS)),
            base / "model_settings.json": text_of_file(model_file(asked, context.model.name, own)),
        }

    def address(self, log_text: str) -> None:
        """Never announced before it is known: the port is ours."""

    def ready(self, server: Server) -> bool:
        """Whether our model is there and loaded: asks for it to be, and waits.

        Raises `TrialError` when it is not found, does not fit, or does not load.
        """
        if ask_ok(server.base_url, "/health") is None:
            return False
        models = ask_ok(server.base_url, "/v1/models")
        if models is None:
            return False
        _check_served(models.body, server.context.model, self.model_name)
        return _is_loaded(server)

    def effective(self, server: Server) -> Mapping[str, Setting]:
        """What it wrote into its settings file once it had read its command line."""
        path = base_path(server.context) / "settings.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            document = None
        found = settings_written(document, server.context.port)
        return {**found, **cache_in_log(server.log_text())}

    def request_fields(self, arm: CacheArm, output_tokens: int | None) -> Mapping[str, Any]:
        """Greedy and seeded, and at most so long: nothing keeps it from ending a reply before."""
        fields: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "temperature": 0,
            "seed": 1,
        }
        if output_tokens is not None:
            fields["max_tokens"] = output_tokens
        return fields

    def count_tokens(
        self, server: Server, messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]
    ) -> int | None:
        """By a reply of one token: its counting endpoint counts messages of another form."""
        fields = self.request_fields(server.context.cache_arm, None)
        return count_by_asking(server.base_url, self.model_name, messages, tools, fields)

    def failure(self, log_text: str, returncode: int | None) -> Failure:
        """By the lines of its own log, else crash or timeout."""
        return explain(PATTERNS, log_text, returncode)

    def stop(self, server: Server) -> None:
        """SIGTERM, wait, kill the group."""
        stop_process(server.process, self.stop_grace_s)

    def export_argv(self, candidate: Candidate, context: LaunchContext) -> tuple[str, ...]:
        """What a person would type.

        Settings without a flag go into a base path of their own, so that nobody's settings are
        written over: a shell writes the files first.
        """
        settings = candidate.settings
        for name in settings:
            check(name, self._accepted())
        argv = [*self._serve(context), *self._flags(settings)]
        documents = {
            "settings.json": global_file(settings, {}),
            "model_settings.json": model_file(settings, context.model.name, {}),
        }
        files = {name: text_of_file(told) for name, told in documents.items() if told}
        return _with_files(argv, files) if files else tuple(argv)


def base_path(context: LaunchContext) -> Path:
    """oMLX's data directory of one launch: settings, logs and caches."""
    return context.work_dir / "omlx"


def _check_served(models: Any, model: Path, alias: str) -> None:
    """It starts with any directory, also with one that holds no model."""
    told = dig(models, "data")
    ids = [dig(one, "id") for one in told] if isinstance(told, list) else []
    if alias in ids or model.name in ids:
        return
    if not ids:
        message = f"oMLX finds no model in {model}"
        raise TrialError(Failure(FailureKind.MODEL_MISSING, message))
    message = f"the server that answers serves {', '.join(map(str, ids))}, not {model.name}"
    raise TrialError(Failure(FailureKind.WRONG_SERVER, message))


def _is_loaded(server: Server) -> bool:
    """Loads the model; builds that cannot be asked to load it at the first request."""
    context = server.context
    path = f"/v1/models/{context.model.name}/load"
    answer = ask(server.base_url, path, {}, timeout_s=context.start_timeout_s)
    if answer is None:
        return False
    if answer.status in (200, 404, 405):
        return True
    told = dig(answer.body, "detail") or dig(answer.body, "error.message")
    kind = FailureKind.OUT_OF_MEMORY if answer.status == 507 else FailureKind.LOAD_ERROR
    message = f"the model does not load: {told or f'HTTP {answer.status}'}"
    raise TrialError(Failure(kind, message))


def _with_files(argv: list[str], files: Mapping[str, str]) -> tuple[str, ...]:
    """A shell that writes `files` below a base path of their own and becomes `argv`."""
    steps = ['base="$HOME/.omlx-autotune"', 'mkdir -p "$base"']
    steps += [f'printf %s {shlex.quote(t)} > "$base/{name}"' for name, t in files.items()]
    steps.append(f'exec {shlex.join(argv)} --base-path "$base"')
    return ("sh", "-c", " && ".join(steps))
