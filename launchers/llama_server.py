"""llama.cpp's llama-server, the real binary."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.environment import inherited, private
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.failures import explain, line_around
from autotune.launchers.http import Answer, ask, ask_ok, dig
from autotune.launchers.llama_failures import PATTERNS
from autotune.launchers.llama_flags import llama_arguments, spelling
from autotune.launchers.llama_log import settings_in_log
from autotune.launchers.llama_reuse import cache_shape, reuse_notes, tokenize, tokenize_chat
from autotune.launchers.process import stop_process
from autotune.launchers.program import flags_in, output_of, sha256_of, usages_in
from autotune.launchers.prompt_tokens import counted
from autotune.launchers.protocol import (
    CacheArm,
    EngineBuild,
    LaunchContext,
    LaunchSpec,
    Server,
)
from autotune.launchers.spelling import Spelling
from autotune.scoring.reuse_model import CacheShape, EngineNote

_HINT = "install llama.cpp so that llama-server is on PATH, or give --engine-path FILE"
_LISTENING = re.compile(r"listening on (http://\S+)")
_CONFIG_FILE = re.compile(r"using config file: ")
_COUNT_TIMEOUT_S = 60.0


class LlamaServerLauncher:
    """One plain server per trial. `port` 0 lets the engine take a free one and say which."""

    name = "llama-server"
    model_name = "local"

    def __init__(self, engine_path: Path | None = None, *, port: int = 0) -> None:
        self._engine_path = engine_path
        self._port = port
        self._build: EngineBuild | None = None

    @property
    def search_space(self) -> str:
        """The space that ships for it."""
        return "llama-server"

    @property
    def cached_tokens_path(self) -> None:
        """Where OpenAI puts it."""

    def detect(self) -> EngineBuild:
        """The binary given, or the one on PATH; asked once. Raises `MachineError` without one."""
        if self._build is None:
            self._build = self._probe()
        return self._build

    def _probe(self) -> EngineBuild:
        path = _find(self._engine_path)
        env = inherited(os.environ)
        version = output_of([str(path), "--version"], env, _HINT)
        told = output_of([str(path), "--help"], env, _HINT)
        return EngineBuild(
            self.name,
            str(path),
            _version_line(version),
            sha256_of(path),
            flags_in(told),
            usages_in(told),
        )

    def command(self, candidate: Candidate, context: LaunchContext) -> LaunchSpec:
        """What would be executed; checked against the build's own flags once it was detected.

        Raises `TrialError` (``BAD_FLAG``) for settings that are refused or that the build lacks.
        """
        asked = {**candidate.settings, **self._cold(context.cache_arm)}
        program = self._build.path if self._build is not None else self._named()
        argv = [program, "--model", str(context.model)]
        argv += ["--host", context.host, "--port", str(self._port)]
        return LaunchSpec(
            argv=(*argv, *llama_arguments(asked, self._build)),
            env=private(context),
            cwd=context.work_dir,
            asked=asked,
        )

    def _cold(self, arm: CacheArm) -> dict[str, Setting]:
        """No cache in host memory, where the build has one at all."""
        if arm is CacheArm.ON or not self.spelling("cache-ram").known:
            return {}
        return {"cache-ram": 0}

    def spelling(self, setting: str) -> Spelling:
        """What the build calls `setting`; the newest name while it has not been asked."""
        return spelling(setting, self._build or EngineBuild(self.name, "", "", ""))

    def _named(self) -> str:
        return str(self._engine_path) if self._engine_path is not None else "llama-server"

    def address(self, log_text: str) -> str | None:
        """``http://...`` of the line that says where it listens."""
        found = _LISTENING.search(log_text)
        return found[1].rstrip("/") if found is not None else None

    def ready(self, server: Server) -> bool:
        """Whether it serves our model. `TrialError` for a config file, a router, another model."""
        _refuse_config_file(server.log_text())
        if ask_ok(server.base_url, "/health") is None:
            return False
        props = ask_ok(server.base_url, "/props")
        if props is None:
            return False
        _check_identity(props.body, server.context.model)
        return True

    def effective(self, server: Server) -> Mapping[str, Setting]:
        """What the log at level 4, ``/props`` and ``/slots`` say; see `llama_log` for the gaps."""
        found = settings_in_log(server.log_text())
        props = _body(ask(server.base_url, "/props"))
        if isinstance(slots := dig(props, "total_slots"), int):
            found["parallel"] = slots
        if "ctx-size" not in found:
            found |= _pool(server, props, unified=found.get("kv-unified") is True)
        if isinstance(metrics := dig(props, "endpoint_metrics"), bool):
            found["metrics"] = metrics
        if _speculates(server) is False:
            found["spec-type"] = "none"
        return found

    def request_fields(self, arm: CacheArm, output_tokens: int | None) -> Mapping[str, Any]:
        """Greedy and seeded; the length pinned; ``cache_prompt: false`` in the cold arm.

        The warm arm leaves ``cache_prompt`` out: the request's value would override the server's
        flag, which the launch states.
        """
        fields: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "temperature": 0,
            "seed": 1,
        }
        if arm is CacheArm.OFF:
            fields["cache_prompt"] = False
        if output_tokens is not None:
            fields |= {"max_tokens": output_tokens, "ignore_eos": True}
        return fields

    def count_tokens(
        self, server: Server, messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]
    ) -> int | None:
        """By the counting endpoint; older builds by their template and their tokenizer."""
        payload: dict[str, Any] = {"messages": list(messages)}
        if tools:
            payload["tools"] = list(tools)
        path = "/v1/chat/completions/input_tokens"
        answer = ask(server.base_url, path, payload, timeout_s=_COUNT_TIMEOUT_S)
        found = counted(answer, "input_tokens")
        return found if found is not None else count_by_template(server.base_url, payload)

    def tokenize(
        self,
        server: Server,
        messages: tuple[Mapping[str, Any], ...],
        tools: tuple[Any, ...],
        fields: Mapping[str, Any],
    ) -> list[int] | None:
        """By its template and its tokenizer."""
        return tokenize_chat(server.base_url, messages, tools, fields)

    def tokenize_text(self, server: Server, text: str) -> list[int] | None:
        """By its tokenizer."""
        return tokenize(server.base_url, text, special=False)

    def cache_shape(self, server: Server, settings: Mapping[str, Setting]) -> CacheShape:
        """Slots, and prompts in host memory."""
        return cache_shape({**settings, **self.effective(server)}, server.log_text())

    def reuse_notes(self, log_text: str) -> tuple[EngineNote, ...]:
        """What the log at level 4 says of every request."""
        return reuse_notes(log_text)

    def failure(self, log_text: str, returncode: int | None) -> Failure:
        """By the lines of llama.cpp's own log, else crash or timeout."""
        return explain(PATTERNS, log_text, returncode)

    def stop(self, server: Server) -> None:
        """SIGTERM, wait, kill the group."""
        stop_process(server.process)

    def export_argv(self, candidate: Candidate, context: LaunchContext) -> tuple[str, ...]:
        """What a person would type: the candidate on `context.port`, without our verbosity."""
        argv = list(self.command(candidate, context).argv)
        argv[argv.index("--port") + 1] = str(context.port)
        at = argv.index("--verbosity") if "--verbosity" in argv else len(argv)
        return tuple(argv[:at] + argv[at + 2 :])


def _find(engine_path: Path | None) -> Path:
    found = shutil.which(str(engine_path) if engine_path is not None else "llama-server")
    if found is None:
        where = f"no program {engine_path}" if engine_path is not None else "no llama-server"
        raise MachineError(f"there is {where}", _HINT)
    return Path(found).absolute()


def _version_line(text: str) -> str:
    """``version: 0.6.0-dev (build 11434, commit abc)`` without its first word."""
    found = re.search(r"^version: (.+)$", text, re.MULTILINE)
    return found[1].strip() if found is not None else text.strip()


def _refuse_config_file(log_text: str) -> None:
    if (found := _CONFIG_FILE.search(log_text)) is not None:
        line = line_around(log_text, found.start())
        message = "llama-server reads a config file that the trial did not write"
        raise TrialError(Failure(FailureKind.HIDDEN_CONFIG, message, line))


def _check_identity(props: Any, model: Path) -> None:
    """A router answers 200 without a model; another server on the port answers with its own."""
    if dig(props, "role") == "router" or dig(props, "default_generation_settings.n_ctx") == 0:
        message = "llama-server runs as a router, without a model of its own"
        raise TrialError(Failure(FailureKind.ROUTER_MODE, message))
    served = dig(props, "model_path")
    if not isinstance(served, str) or Path(served).resolve() != model.resolve():
        message = f"the server that answers serves {served}, not {model}"
        raise TrialError(Failure(FailureKind.WRONG_SERVER, message))


def _body(answer: Answer | None) -> Any:
    return answer.body if answer is not None and answer.status == 200 else None


def _pool(server: Server, props: Any, *, unified: bool) -> dict[str, Setting]:
    """The context of all slots; left out where a slot is capped to what the model was trained for.

    The pool behind a capped slot is larger, and only the log says how large.
    """
    n_ctx, slots = dig(props, "default_generation_settings.n_ctx"), dig(props, "total_slots")
    trained = dig(_body(ask(server.base_url, "/v1/models")), "data.0.meta.n_ctx_train")
    if not isinstance(n_ctx, int) or not isinstance(slots, int) or n_ctx == trained:
        return {}
    return {"ctx-size": n_ctx if unified else n_ctx * slots}


def _speculates(server: Server) -> bool | None:
    """What the slots say: a draft that could not be set up is dropped without an error."""
    slots = _body(ask(server.base_url, "/slots"))
    if not isinstance(slots, list) or not slots:
        return None
    return any(dig(slot, "speculative") is True for slot in slots)


def count_by_template(base_url: str, payload: Mapping[str, Any]) -> int | None:
    """``/apply-template``, then ``/tokenize`` with the special tokens a prompt gets."""
    templated = ask(base_url, "/apply-template", payload, timeout_s=_COUNT_TIMEOUT_S)
    counted(templated, "prompt")
    prompt = dig(_body(templated), "prompt")
    if not isinstance(prompt, str):
        return None
    asked = {"content": prompt, "add_special": True, "parse_special": True}
    return counted(ask(base_url, "/tokenize", asked, timeout_s=_COUNT_TIMEOUT_S), "tokens")
