"""SGLang's own server, from its program or from the Python that it is installed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.count_by_asking import count_by_asking
from autotune.launchers.environment import inherited, private
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.failures import explain
from autotune.launchers.http import Answer, ask, dig
from autotune.launchers.process import stop_process
from autotune.launchers.program import find_program, flags_in, output_of, sha256_of, usages_in
from autotune.launchers.prompt_tokens import counted
from autotune.launchers.protocol import CacheArm, EngineBuild, LaunchContext, LaunchSpec, Server
from autotune.launchers.python_package import Package, installed, interpreter_of, is_python
from autotune.launchers.sglang_failures import PATTERNS
from autotune.launchers.sglang_flags import asked_settings, settings_told, sglang_arguments
from autotune.launchers.spelling import Spelling, spell

_HINT = (
    "install SGLang so that the command sglang is on PATH, or give --engine-path: "
    "the command, a Python that has it, or the folder of its virtual environment"
)
_HELP_TIMEOUT_S = 240.0
"""Its help imports torch, which takes a minute from a cold disk."""

_COUNT_TIMEOUT_S = 60.0

OFFLINE: Mapping[str, str] = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
"""Nothing is fetched: the model is a folder of this machine."""

KERNEL_CACHES = (
    "SGLANG_CACHE_DIR",
    "TRITON_CACHE_DIR",
    "TORCHINDUCTOR_CACHE_DIR",
    "FLASHINFER_WORKSPACE_BASE",
)
"""Where a person has compiled kernels kept, handed through where it is said.

Otherwise every launch compiles anew, like vLLM's: with a shared folder, the first candidate would
compile for those that come after, and the first one is the baseline.
"""

_FIRED_UP = "The server is fired up and ready to roll!"
_NO_MESSAGES = "Invalid prompt type"


@dataclass(frozen=True, slots=True)
class _Form:
    """How this installation is started: the words before the flags."""

    path: Path
    words: tuple[str, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        return (str(self.path), *self.words)


class SglangLauncher:
    """One server per trial, on one machine, in SGLang's default HTTP mode."""

    name = "sglang"
    model_name = "local"
    stop_grace_s = 30.0
    """It finishes what runs and looks for SIGTERM every 5 s; killed early, GPU memory may stay."""

    def __init__(self, engine_path: Path | None = None) -> None:
        self._engine_path = engine_path
        self._form: _Form | None = None
        self._build: EngineBuild | None = None

    @property
    def search_space(self) -> str:
        """The space that ships for it."""
        return "sglang"

    @property
    def cached_tokens_path(self) -> None:
        """Where OpenAI puts it, with ``--enable-cache-report``."""

    def detect(self) -> EngineBuild:
        """The program or Python given, or ``sglang`` on PATH; asked once.

        Raises `MachineError` where there is none or it does not run.
        """
        if self._build is None:
            self._build = self._probe()
        return self._build

    def _probe(self) -> EngineBuild:
        given = None if self._engine_path is None else _named(self._engine_path)
        path = find_program(given, self.name, _HINT)
        env = inherited(os.environ)
        self._form, told = _help_of(path, env)
        package = _package_of(path, env)
        version = package.version if package is not None else _own_version(path, env)
        digest = package.sha256 if package is not None else ""
        digest = digest or sha256_of(path)
        return EngineBuild(self.name, str(path), version, digest, flags_in(told), usages_in(told))

    def command(self, candidate: Candidate, context: LaunchContext) -> LaunchSpec:
        """What would be executed; checked against the build's own flags once it was detected.

        Raises `TrialError` (``BAD_FLAG``) for settings that are refused or that the build lacks.
        """
        asked = asked_settings(candidate.settings, cold=context.cache_arm is CacheArm.OFF)
        where = ["--model-path", str(context.model), "--served-model-name", self.model_name]
        where += ["--host", context.host, "--port", str(context.port)]
        return LaunchSpec(
            argv=(*self._words(), *where, *sglang_arguments(asked, self._accepted())),
            env={**private(context), **OFFLINE},
            cwd=context.work_dir,
            asked=asked,
            base_url=f"http://{context.host}:{context.port}",
            inherit=KERNEL_CACHES,
        )

    def spelling(self, setting: str) -> Spelling:
        """What the build calls `setting`; ``auto``, which leaves it out, is always possible."""
        told = spell(setting, self._build or EngineBuild(self.name, "", "", ""), {})
        return told if told.allowed is None else replace(told, allowed=told.allowed | {"auto"})

    def _accepted(self) -> frozenset[str]:
        return self._build.flags if self._build is not None else frozenset()

    def _words(self) -> tuple[str, ...]:
        """The words before the flags; as they would be for an installation not looked at yet."""
        if self._form is not None:
            return self._form.argv
        return _forms(_named(self._engine_path))[0].argv

    def address(self, log_text: str) -> None:
        """Never announced before it is known: the port is ours."""

    def ready(self, server: Server) -> bool:
        """Whether it answers with our model. `TrialError` when another model does.

        By ``/ready``: ``/health`` would have it generate a token and take a second.
        """
        answer = ask(server.base_url, "/ready")
        if answer is None or not _is_up(answer, server):
            return False
        info = _first_found(server.base_url, "/model_info", "/get_model_info")
        if info is None:
            return False
        served = dig(info, "model_path")
        if not isinstance(served, str) or Path(served).resolve() != server.context.model.resolve():
            message = f"the server that answers serves {served}, not {server.context.model}"
            raise TrialError(Failure(FailureKind.WRONG_SERVER, message))
        return True

    def effective(self, server: Server) -> Mapping[str, Setting]:
        """What ``/server_info`` says was resolved, and the pool that was allocated."""
        info = _first_found(server.base_url, "/server_info", "/get_server_info")
        return {} if info is None else settings_told(info, server.spec.asked)

    def request_fields(self, arm: CacheArm, output_tokens: int | None) -> Mapping[str, Any]:
        """Greedy and seeded; the length pinned. The cold arm is a launch without the cache.

        With ``tool_choice: none`` it would leave the definitions out of the prompt; ``auto``
        constrains nothing.
        """
        fields: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "temperature": 0,
            "seed": 1,
            "tool_choice": "auto",
        }
        if output_tokens is not None:
            fields |= {"max_tokens": output_tokens, "ignore_eos": True}
        return fields

    def count_tokens(
        self, server: Server, messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]
    ) -> int | None:
        """By ``/v1/tokenize``, after the chat template; builds that lack it by a token's reply."""
        payload: dict[str, Any] = {"model": self.model_name, "messages": list(messages)}
        if tools:
            payload |= {"tools": list(tools), "tool_choice": "auto"}
        answer = ask(server.base_url, "/v1/tokenize", payload, timeout_s=_COUNT_TIMEOUT_S)
        if _takes_no_messages(answer):
            fields = self.request_fields(server.context.cache_arm, None)
            return count_by_asking(server.base_url, self.model_name, messages, tools, fields)
        return counted(answer, "count")

    def failure(self, log_text: str, returncode: int | None) -> Failure:
        """By the lines of SGLang's own log, else crash or timeout."""
        return explain(PATTERNS, log_text, returncode)

    def stop(self, server: Server) -> None:
        """SIGTERM, time to drain, then the whole tree."""
        stop_process(server.process, self.stop_grace_s)

    def export_argv(self, candidate: Candidate, context: LaunchContext) -> tuple[str, ...]:
        """What a person would type; the model keeps its own name."""
        argv = list(self.command(candidate, context).argv)
        at = argv.index("--served-model-name")
        return tuple(argv[:at] + argv[at + 2 :])


def _named(engine_path: Path | None) -> Path:
    """The program by its name; a folder is that of a virtual environment."""
    if engine_path is None:
        return Path("sglang")
    return engine_path / "bin" / "python" if engine_path.is_dir() else engine_path


def _forms(path: Path) -> tuple[_Form, ...]:
    """Ways to start it, the best first: naming the kind of model spares it from looking."""
    if is_python(path):
        return (_Form(path, ("-m", "sglang.launch_server")),)
    return (_Form(path, ("serve", "--model-type", "llm")), _Form(path, ("serve",)))


def _help_of(path: Path, env: Mapping[str, str]) -> tuple[_Form, str]:
    """The first form that has a help, and that help. Raises the last `MachineError` if none has."""
    *others, last = _forms(path)
    for form in others:
        try:
            argv = (*form.argv, "--help")
            return form, output_of(argv, env, _HINT, timeout_s=_HELP_TIMEOUT_S)
        except MachineError:
            continue
    return last, output_of((*last.argv, "--help"), env, _HINT, timeout_s=_HELP_TIMEOUT_S)


def _package_of(path: Path, env: Mapping[str, str]) -> Package | None:
    python = path if is_python(path) else interpreter_of(path)
    return installed(Path(python), "sglang", env) if python is not None else None


def _own_version(path: Path, env: Mapping[str, str]) -> str:
    """The first line of ``sglang version``, for a program that hides its Python."""
    told = output_of([str(path), "version"], env, _HINT, timeout_s=_HELP_TIMEOUT_S)
    return told.strip().partition("\n")[0].removeprefix("sglang version:").strip()


def _is_up(ready: Answer, server: Server) -> bool:
    """Older builds have no ``/ready``; they say in their log when they are."""
    if ready.status == 404:
        return _FIRED_UP in server.log_text()
    return ready.status == 200


def _first_found(base_url: str, *paths: str) -> Any:
    """The body of the first path that there is; names changed over the builds."""
    for path in paths:
        answer = ask(base_url, path)
        if answer is not None and answer.status == 200:
            return answer.body
    return None


def _takes_no_messages(answer: Answer | None) -> bool:
    if answer is None:
        return False
    told = f"{dig(answer.body, 'message')} {dig(answer.body, 'error.message')}"
    return answer.status in (404, 405, 422) or (answer.status == 400 and _NO_MESSAGES in told)
