"""ds4-server: DeepSeek V4 from its own GGUF files, one conversation in memory.

It goes on from what is in memory only when a prompt begins with all of it, prompt and reply, and
that cannot be switched off. So the cold arm has it answer something unrelated before each request.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.count_by_asking import count_by_asking
from autotune.launchers.ds4_failures import explain_ds4
from autotune.launchers.ds4_flags import asked_settings, ds4_arguments, settings_in_log
from autotune.launchers.environment import inherited, private
from autotune.launchers.failure import Failure
from autotune.launchers.habits import Habits
from autotune.launchers.http import ask, dig
from autotune.launchers.process import stop_process
from autotune.launchers.program import find_program, flags_in, output_of, sha256_of, usages_in
from autotune.launchers.protocol import CacheArm, EngineBuild, LaunchContext, LaunchSpec, Server

PROGRAM = "ds4-server"
FORGET_TEXT = "Which of the four seasons is the coldest?"

_HINT = "build ds4 and give its program: --engine-path /path/to/ds4/ds4-server"
_FORGET_TIMEOUT_S = 120.0


class Ds4Launcher:
    """One server per trial; `engine_path` is the program in its checkout, or the checkout."""

    name = "ds4"
    model_name = "deepseek-v4-flash"
    habits = Habits(pins_length=False, continues_only=True, alone=True)
    stop_grace_s = 30.0
    """It ends its request and writes the conversation to its disk cache first."""

    def __init__(self, engine_path: Path | None = None) -> None:
        self._engine_path = engine_path
        self._build: EngineBuild | None = None

    @property
    def search_space(self) -> str:
        """The space that ships for it."""
        return "ds4"

    @property
    def cached_tokens_path(self) -> None:
        """Where OpenAI puts it."""

    def detect(self) -> EngineBuild:
        """The program given, or ``ds4-server`` on PATH; asked once. Raises `MachineError`."""
        if self._build is None:
            self._build = self._probe()
        return self._build

    def _probe(self) -> EngineBuild:
        given = None if self._engine_path is None else _named(self._engine_path)
        # Resolved: the folder of the real file is the checkout.
        path = find_program(given, PROGRAM, _HINT).resolve()
        env = inherited(os.environ)
        told = output_of([str(path), "--help"], env, _HINT)
        version = _commit_of(path.parent, env)
        digest = sha256_of(path)
        return EngineBuild(self.name, str(path), version, digest, flags_in(told), usages_in(told))

    def command(self, candidate: Candidate, context: LaunchContext) -> LaunchSpec:
        """What would be executed, from the checkout, where Metal finds its kernels.

        Raises `TrialError` (``BAD_FLAG``) for settings that are refused or that the build lacks.
        """
        asked = asked_settings(candidate.settings, cold=context.cache_arm is CacheArm.OFF)
        disk_dir = str(context.work_dir / "kv-disk")
        return LaunchSpec(
            argv=self._argv(asked, context, disk_dir),
            env=private(context),
            cwd=context.work_dir,
            asked=asked,
            base_url=f"http://{context.host}:{context.port}",
        )

    def _argv(
        self, asked: Mapping[str, Setting], context: LaunchContext, disk_dir: str
    ) -> tuple[str, ...]:
        accepted = self._build.flags if self._build is not None else frozenset[str]()
        program = Path(self._build.path) if self._build is not None else _named(self._engine_path)
        where = ["--chdir", str(program.parent), "--model", str(context.model.absolute())]
        where += ["--host", context.host, "--port", str(context.port)]
        return (str(program), *where, *ds4_arguments(asked, accepted, disk_dir))

    def address(self, log_text: str) -> None:
        """Never announced before it is known: the port is ours."""

    def ready(self, server: Server) -> bool:
        """Whether it lists its model: it has no ``/health``, and listens once that is loaded."""
        answer = ask(server.base_url, "/v1/models")
        return answer is not None and answer.status == 200

    def effective(self, server: Server) -> Mapping[str, Setting]:
        """What its log says at the start, and the context that it lists."""
        found = settings_in_log(server.log_text())
        answer = ask(server.base_url, "/v1/models")
        context = dig(answer.body if answer is not None else None, "data.0.context_length")
        return {**found, "ctx": context} if isinstance(context, int) else found

    def request_fields(self, arm: CacheArm, output_tokens: int | None) -> Mapping[str, Any]:
        """Greedy and seeded, at most so long. While it thinks, it ignores both, so it does not."""
        fields: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "temperature": 0,
            "seed": 1,
            "think": False,
        }
        if output_tokens is not None:
            fields["max_tokens"] = output_tokens
        return fields

    def forget(self, server: Server) -> None:
        """Have it answer something unrelated, which replaces the conversation in memory."""
        message = {"role": "user", "content": FORGET_TEXT}
        payload = {"model": self.model_name, "messages": [message], "max_tokens": 1, "think": False}
        ask(server.base_url, "/v1/chat/completions", payload, timeout_s=_FORGET_TIMEOUT_S)

    def count_tokens(
        self, server: Server, messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]
    ) -> int | None:
        """By a reply of one token; a prompt beyond the context is refused with its length."""
        fields = self.request_fields(server.context.cache_arm, None)
        return count_by_asking(server.base_url, self.model_name, messages, tools, fields)

    def failure(self, log_text: str, returncode: int | None) -> Failure:
        """By the lines of its own log, then by its exit code."""
        return explain_ds4(log_text, returncode)

    def stop(self, server: Server) -> None:
        """SIGTERM, time to drain and to save, kill the group."""
        stop_process(server.process, self.stop_grace_s)

    def export_argv(self, candidate: Candidate, context: LaunchContext) -> tuple[str, ...]:
        """What a person would type; the disk cache is a folder of the checkout."""
        return self._argv(candidate.settings, context, "kv-cache")


def _named(engine_path: Path | None) -> Path:
    """The program: as given, in the checkout that is given, or by its name."""
    if engine_path is None:
        return Path(PROGRAM)
    return engine_path / PROGRAM if engine_path.is_dir() else engine_path


def _commit_of(folder: Path, env: Mapping[str, str]) -> str:
    """The commit that the checkout is at; the program itself tells no version."""
    argv = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--tags"]
    try:
        return output_of(argv, env, _HINT).strip()
    except MachineError:
        return "unknown"
