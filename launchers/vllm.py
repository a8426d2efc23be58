"""vLLM, as an OpenAI-compatible server."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from autotune.candidate import Candidate, Setting
from autotune.launchers.environment import PRIVATE, private
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.http import ask, ask_ok, ask_text, dig
from autotune.launchers.process import stop_process
from autotune.launchers.prompt_tokens import counted
from autotune.launchers.protocol import (
    CacheArm,
    EngineBuild,
    LaunchContext,
    LaunchSpec,
    Server,
)
from autotune.launchers.spelling import Spelling
from autotune.launchers.vllm_failures import explain_vllm
from autotune.launchers.vllm_flags import OURS, vllm_arguments, vllm_spelling, vllm_variables
from autotune.launchers.vllm_log import settings_in_log, settings_in_metrics
from autotune.launchers.vllm_program import NAME, QUIET, Program, find_build, named_program
from autotune.launchers.vllm_reuse import cache_shape, tokenize, tokenize_chat
from autotune.scoring.reuse_model import CacheShape

GIB = 1024**3
CPU_KV_SHARE = 4
"""On a processor the KV cache is a quarter of the memory: weights and compilation need the rest."""

_KV_FLAG = "kv-cache-memory-bytes"
_SIZED_BY = (_KV_FLAG, "gpu-memory-utilization", "VLLM_CPU_KVCACHE_SPACE")
_COUNT_TIMEOUT_S = 60.0
_SOCKET_FOLDER_CHARS = 60
"""A socket's path has 107 bytes at most (103 on a Mac); vLLM's names have 37."""


class VllmLauncher:
    """One server per trial, on a port of its own; compiled code is not shared between launches.

    vLLM keeps in one folder what it compiles before it answers and what it compiles at the first
    request of a new shape. A shared folder would spare later candidates the second kind, so they
    would look faster than the first, which is the baseline.

    `host_bytes` is the machine's memory; by default it is read.
    """

    name = NAME
    model_name = "local"

    def __init__(self, engine_path: Path | None = None, *, host_bytes: int | None = None) -> None:
        self._engine_path = engine_path
        self._host_bytes = host_bytes
        self._program: Program | None = None
        self._build: EngineBuild | None = None

    @property
    def search_space(self) -> str:
        """The space that ships for it."""
        return NAME

    @property
    def cached_tokens_path(self) -> None:
        """Where OpenAI puts it."""

    def detect(self) -> EngineBuild:
        """The command on PATH, or the command or Python given; asked once.

        Raises `MachineError` where there is none or it does not run.
        """
        if self._build is None:
            self._program, self._build = find_build(self._engine_path)
        return self._build

    def command(self, candidate: Candidate, context: LaunchContext) -> LaunchSpec:
        """What would be executed; checked against the build's own flags once it was detected.

        Raises `TrialError` (``BAD_FLAG``) for settings that are refused or that the build lacks.
        """
        accepted = self._build.flags if self._build is not None else frozenset[str]()
        asked = {**candidate.settings, **self._memory(candidate, context, accepted)}
        program = self._program or named_program(self._engine_path)
        argv = [*program.start(context.model), "--served-model-name", self.model_name]
        argv += ["--host", context.host, "--port", str(context.port)]
        return LaunchSpec(
            argv=(*argv, *vllm_arguments(asked, accepted)),
            env={**private(context), **QUIET, **_own(context), **vllm_variables(asked)},
            cwd=context.work_dir,
            asked=asked,
            base_url=f"http://{context.host}:{context.port}",
        )

    def spelling(self, setting: str) -> Spelling:
        """What the build calls `setting`; its own name while the build has not been asked."""
        return vllm_spelling(setting, self._build or EngineBuild(self.name, "", "", ""))

    def _memory(
        self, candidate: Candidate, context: LaunchContext, accepted: frozenset[str]
    ) -> dict[str, Setting]:
        """A size for the KV cache on a processor, where the candidate names none.

        By itself the engine wants 92 % of all memory, and does not start when less is free.
        """
        if context.gpu_uuid is not None or any(n in candidate.settings for n in _SIZED_BY):
            return {}
        total = self._host_bytes or int(psutil.virtual_memory().total)
        gib = max(1, total // (CPU_KV_SHARE * GIB))
        if accepted and _KV_FLAG not in accepted:
            return {"VLLM_CPU_KVCACHE_SPACE": gib}
        return {_KV_FLAG: gib * GIB}

    def address(self, log_text: str) -> None:
        """Not announced: the port is given."""

    def ready(self, server: Server) -> bool:
        """Whether it serves our model. Raises `TrialError` when it serves another."""
        if ask_ok(server.base_url, "/health") is None:
            return False
        models = ask_ok(server.base_url, "/v1/models")
        if models is None:
            return False
        _check_identity(models.body, server.context.model)
        return True

    def effective(self, server: Server) -> Mapping[str, Setting]:
        """What the log, the metrics and ``/v1/models`` say; see `vllm_log` for the gaps."""
        found = settings_in_log(server.log_text())
        found |= settings_in_metrics(ask_text(server.base_url, "/metrics") or "")
        models = ask(server.base_url, "/v1/models")
        longest = dig(models.body if models is not None else None, "data.0.max_model_len")
        if isinstance(longest, int):
            found["max-model-len"] = longest
        return found

    def request_fields(self, arm: CacheArm, output_tokens: int | None) -> Mapping[str, Any]:
        """Greedy and seeded; the length pinned; in the cold arm a salt that no request had.

        The salt is part of every block's hash, so nothing that is cached can match: the same
        server and the same work as in the warm arm, apart from the reuse.
        """
        fields: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "temperature": 0,
            "seed": 1,
        }
        if arm is CacheArm.OFF:
            fields["cache_salt"] = uuid.uuid4().hex
        if output_tokens is not None:
            length = {"max_tokens": output_tokens, "min_tokens": output_tokens}
            fields |= {**length, "ignore_eos": True}
        return fields

    def count_tokens(
        self, server: Server, messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]
    ) -> int | None:
        """By ``/tokenize``, which applies the chat template."""
        payload: dict[str, Any] = {"model": self.model_name, "messages": list(messages)}
        if tools:
            payload["tools"] = list(tools)
        answer = ask(server.base_url, "/tokenize", payload, timeout_s=_COUNT_TIMEOUT_S)
        return counted(answer, "count")

    def tokenize(
        self,
        server: Server,
        messages: tuple[Mapping[str, Any], ...],
        tools: tuple[Any, ...],
        fields: Mapping[str, Any],
    ) -> list[int] | None:
        """By ``/tokenize``, which applies the chat template."""
        return tokenize_chat(server.base_url, self.model_name, messages, tools, fields)

    def tokenize_text(self, server: Server, text: str) -> list[int] | None:
        """By ``/tokenize`` without the template."""
        return tokenize(server.base_url, self.model_name, text)

    def cache_shape(self, server: Server, settings: Mapping[str, Setting]) -> CacheShape:
        """Blocks, and how many tokens they hold in all."""
        return cache_shape({**settings, **self.effective(server)}, server.log_text())

    def failure(self, log_text: str, returncode: int | None) -> Failure:
        """By the lines of vLLM's own log, else crash or timeout; with a bound where it says one."""
        return explain_vllm(log_text, returncode)

    def stop(self, server: Server) -> None:
        """SIGTERM to the server, wait, kill the group: the engine core is a child of it."""
        stop_process(server.process)

    def export_argv(self, candidate: Candidate, context: LaunchContext) -> tuple[str, ...]:
        """What a person would type: without our model name and reporting flags.

        Settings that are environment variables stand in front, after ``env``.
        """
        spec = self.command(candidate, context)
        settings = {n: v for n, v in spec.asked.items() if n not in OURS}
        accepted = self._build.flags if self._build is not None else frozenset[str]()
        program = self._program or named_program(self._engine_path)
        address = ("--host", context.host, "--port", str(context.port))
        flags = _without(vllm_arguments(settings, accepted), OURS)
        variables = [f"{name}={value}" for name, value in vllm_variables(settings).items()]
        front = ("env", *variables) if variables else ()
        return (*front, *program.start(context.model), *address, *flags)


def _own(context: LaunchContext) -> dict[str, str]:
    """No GPU is seen where none is named; threads are bound as the engine would by itself.

    Its processes talk over sockets in TMPDIR, unless that makes too long a path for one.
    """
    env = {}
    if len(str(context.work_dir / PRIVATE["TMPDIR"])) > _SOCKET_FOLDER_CHARS:
        env["VLLM_RPC_BASE_PATH"] = "/tmp"  # noqa: S108  # sockets named at random
    if context.gpu_uuid is None:
        env |= {"CUDA_VISIBLE_DEVICES": "", "VLLM_CPU_OMP_THREADS_BIND": "auto"}
    return env


def _without(argv: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """`argv` without the switches `names`, on or off."""
    drop = {f"--{name}" for name in names} | {f"--no-{name}" for name in names}
    return tuple(word for word in argv if word not in drop)


def _check_identity(models: Any, model: Path) -> None:
    """Another server on the port answers with its own model."""
    served = dig(models, "data.0.root")
    if not isinstance(served, str) or Path(served).resolve() != model.resolve():
        message = f"the server that answers serves {served}, not {model}"
        raise TrialError(Failure(FailureKind.WRONG_SERVER, message))
