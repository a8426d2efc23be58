"""Any engine, described by a manifest instead of code."""

from __future__ import annotations

import fnmatch
import os
import re
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.arguments import arguments
from autotune.launchers.environment import gpu_variables, inherited, private
from autotune.launchers.exported_env import exported_variables, wanted_variables
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.failures import LogPattern, explain
from autotune.launchers.habits import Habits
from autotune.launchers.http import ask, ask_ok, dig
from autotune.launchers.llama_failures import PATTERNS
from autotune.launchers.llama_log import settings_in_log
from autotune.launchers.llama_reuse import cache_shape, reuse_notes, tokenize, tokenize_chat
from autotune.launchers.manifest import FRESH, Manifest, ReadBack, ReadyCheck, fill
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
from autotune.launchers.read_back import as_setting, last_match, parsed, settings_in
from autotune.launchers.spelling import Form, Spelling, spell
from autotune.scoring.reuse_model import CacheShape, EngineNote

_TOKENIZE_TIMEOUT_S = 120.0


class InHouseLauncher:
    """A launcher that does what its manifest says. `folder` is where the manifest was found."""

    def __init__(self, manifest: Manifest, folder: Path, engine_path: Path | None = None) -> None:
        self.manifest = manifest
        self.name = manifest.name
        self.model_name = manifest.model_name
        self._folder = folder
        self._engine_path = engine_path
        self._build: EngineBuild | None = None
        self._patterns = tuple(
            LogPattern(re.compile(p.regex, re.MULTILINE), p.kind, p.message)
            for p in manifest.failure
        )
        if manifest.log_family == "llama.cpp":
            self._patterns += PATTERNS

    @property
    def folder(self) -> Path:
        """Where the manifest was found."""
        return self._folder

    @property
    def search_space(self) -> str | None:
        """Name or path of the search space that goes with this engine.

        A relative path is meant from the manifest's folder.
        """
        named = self.manifest.search_space
        if named is None or not named.endswith(".toml"):
            return named
        return str(self._folder / named)

    @property
    def cached_tokens_path(self) -> str | None:
        """What the manifest says under ``[tokens]``."""
        return self.manifest.tokens.cached

    @property
    def timing_paths(self) -> Mapping[str, tuple[str, float]]:
        """What the manifest says under ``[timings]``: dotted path and seconds in its unit."""
        return self.manifest.timings.paths

    @property
    def habits(self) -> Habits:
        """What the manifest says under ``[replies]``."""
        replies = self.manifest.replies
        return Habits(pins_length=replies.pins_length, bursts=replies.bursts)

    @property
    def stop_grace_s(self) -> float:
        """How long after SIGTERM the engine is killed, in seconds."""
        return self.manifest.stop.timeout_s

    def detect(self) -> EngineBuild:
        """The engine, asked once. Raises `MachineError` when its program is missing or fails."""
        if self._build is None:
            self._build = self._probe()
        return self._build

    def _probe(self) -> EngineBuild:
        command = self.manifest.command
        values = self._static()
        program = _find(fill(command.argv[0], values), self._hint())
        version = self._ask_program(command.version).strip()
        told = self._ask_program(command.help)
        return EngineBuild(
            self.name,
            str(program),
            version,
            sha256_of(program),
            flags_in(told),
            usages_in(told),
        )

    def _ask_program(self, template: list[str]) -> str:
        if not template:
            return ""
        argv = [fill(a, self._static()) for a in template]
        return output_of(argv, inherited(os.environ, self.manifest.command.inherit), self._hint())

    def _hint(self) -> str:
        return self.manifest.hint or "check [command] in the manifest, or give --engine-path"

    def _static(self) -> dict[str, str]:
        values = {"python": sys.executable, "manifest_dir": str(self._folder)}
        if self._engine_path is not None:
            values["engine"] = str(self._engine_path)
        return values

    def command(self, candidate: Candidate, context: LaunchContext) -> LaunchSpec:
        """What would be executed. Raises `TrialError` (``BAD_FLAG``) for settings it refuses."""
        command = self.manifest.command
        asked = self._settings(candidate, context.cache_arm)
        values = self._values(context)
        env = private(context, command.gpu_env)
        env |= {name: fill(text, values) for name, text in command.env.items()}
        return LaunchSpec(
            argv=self._argv(command.argv, asked, values),
            env=env,
            cwd=context.work_dir,
            asked=asked,
            base_url=self._known_url(context),
            inherit=tuple(command.inherit),
        )

    def _settings(self, candidate: Candidate, arm: CacheArm) -> dict[str, Setting]:
        cold = self.manifest.command.cache_off if arm is CacheArm.OFF else {}
        settings = {**self.manifest.command.always, **candidate.settings, **cold}
        for name in settings:
            self._check_name(name)
        return settings

    def _check_name(self, name: str) -> None:
        flags = self.manifest.flags
        if any(fnmatch.fnmatch(name, pattern) for pattern in flags.forbidden):
            raise TrialError(Failure(FailureKind.BAD_FLAG, f"--{name} may not be tuned"))
        if not self.spelling(name).known:
            message = f"this build of {self.name} has no flag --{flags.names.get(name, name)}"
            raise TrialError(Failure(FailureKind.BAD_FLAG, message))

    def spelling(self, setting: str) -> Spelling:
        """What the build calls `setting`, by ``[flags] names`` and ``aliases`` and its help."""
        flags = self.manifest.flags
        forms = {n: tuple(Form(name=a) for a in others) for n, others in flags.aliases.items()}
        build = self._build or EngineBuild(self.name, "", "", "")
        return spell(setting, build, forms, flags.names.get(setting, ""))

    def _argv(
        self, template: list[str], settings: Mapping[str, Setting], values: Mapping[str, str]
    ) -> tuple[str, ...]:
        flags = self.manifest.flags
        spelt = arguments(
            settings,
            names={name: self.spelling(name).flag for name in settings},
            off=flags.off,
            prefix=flags.prefix,
            negative=flags.negative,
            equals=flags.assign == "equals",
        )
        argv: list[str] = []
        for item in template:
            argv += spelt if item == "{settings}" else [fill(item, values)]
        return tuple(argv)

    def _values(self, context: LaunchContext) -> dict[str, str]:
        return {
            **self._static(),
            "model": str(context.model),
            "host": context.host,
            "port": str(self._port(context)),
            "work_dir": str(context.work_dir),
        }

    def _port(self, context: LaunchContext) -> int:
        port = self.manifest.address.port
        return context.port if port == "free" else port

    def _known_url(self, context: LaunchContext) -> str | None:
        if self.manifest.address.log is not None:
            return None
        return f"http://{context.host}:{self._port(context)}"

    def address(self, log_text: str) -> str | None:
        """What the address pattern finds; a bare port is on this machine."""
        pattern = self.manifest.address.log
        found = last_match(pattern, log_text) if pattern is not None else None
        if found is not None and found.isdigit():
            return f"http://127.0.0.1:{found}"
        return found.rstrip("/") if found is not None else None

    def ready(self, server: Server) -> bool:
        """Whether the ready path answers and every check holds; `TrialError` when one fails."""
        ready = self.manifest.ready
        answer = ask(server.base_url, ready.path)
        if answer is None or answer.status != ready.status:
            return False
        return all(self._check(server, check) for check in ready.checks)

    def _check(self, server: Server, check: ReadyCheck) -> bool:
        answer = ask(server.base_url, check.path)
        if answer is None or answer.status != 200:
            return False
        value = dig(answer.body, check.json_path)
        if _holds(check, value, self._values(server.context)):
            return True
        message = f"{check.path} says {check.json_path} = {value!r}"
        raise TrialError(Failure(check.kind, message))

    def effective(self, server: Server) -> Mapping[str, Setting]:
        """What the read-backs of the manifest find, under the candidate's names.

        Later ones win, and what a known log says was decided wins over what was told.
        """
        found: dict[str, Setting] = {}
        log_text = server.log_text()
        for source in self.manifest.effective:
            found |= _read_back(source, server.base_url, log_text)
        if self.manifest.log_family == "llama.cpp":
            found |= settings_in_log(log_text)
        return found

    def request_fields(self, arm: CacheArm, output_tokens: int | None) -> Mapping[str, Any]:
        """Fields of the manifest for this arm and length."""
        request = self.manifest.request
        fields = {**request.always}
        fields |= request.cache_off if arm is CacheArm.OFF else request.cache_on
        if output_tokens is not None:
            fields |= request.pinned
            fields |= dict.fromkeys(request.output_tokens, output_tokens)
        return {name: freshened(value) for name, value in fields.items()}

    def count_tokens(
        self, server: Server, messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]
    ) -> int | None:
        """Ask the counting endpoint, where the manifest names one."""
        tokens = self.manifest.tokens
        if tokens.count_path is None:
            return None
        payload = {"model": self.model_name, "messages": list(messages)}
        if tools:
            payload["tools"] = list(tools)
        answer = ask(server.base_url, tokens.count_path, payload, timeout_s=60.0)
        return counted(answer, tokens.count)

    def tokenize(
        self,
        server: Server,
        messages: tuple[Mapping[str, Any], ...],
        tools: tuple[Any, ...],
        fields: Mapping[str, Any],
    ) -> list[int] | None:
        """Ask the tokenizing endpoint that the manifest names; llama.cpp's are known."""
        tokens = self.manifest.tokens
        if tokens.tokenize_path is None:
            if self.manifest.log_family != "llama.cpp":
                return None
            return tokenize_chat(server.base_url, messages, tools, fields)
        payload = {**fields, "model": self.model_name, "messages": list(messages)}
        payload |= {"tools": list(tools)} if tools else {}
        answer = ask_ok(
            server.base_url, tokens.tokenize_path, payload, timeout_s=_TOKENIZE_TIMEOUT_S
        )
        found = dig(answer.body, tokens.tokens) if answer is not None else None
        return found if isinstance(found, list) else None

    def tokenize_text(self, server: Server, text: str) -> list[int] | None:
        """By llama.cpp's tokenizer, where the engine is of its family."""
        if self.manifest.log_family != "llama.cpp":
            return None
        return tokenize(server.base_url, text, special=False)

    def cache_shape(self, server: Server, settings: Mapping[str, Setting]) -> CacheShape:
        """Slots, where the engine is of llama.cpp's family; else nothing is known."""
        if self.manifest.log_family != "llama.cpp":
            return CacheShape()
        return cache_shape({**settings, **self.effective(server)}, server.log_text())

    def reuse_notes(self, log_text: str) -> tuple[EngineNote, ...]:
        """What a log of llama.cpp's family says of every request."""
        return reuse_notes(log_text) if self.manifest.log_family == "llama.cpp" else ()

    def failure(self, log_text: str, returncode: int | None) -> Failure:
        """The first pattern of the manifest that the log matches, else crash or timeout."""
        return explain(self._patterns, log_text, returncode)

    def stop(self, server: Server) -> None:
        """SIGTERM, wait, kill the group."""
        stop_process(server.process, self.stop_grace_s)

    def healthy(self, server: Server) -> bool:
        """Whether the health path answers as it should; always, where there is none."""
        health = self.manifest.health
        if health.path is None:
            return True
        answer = ask(server.base_url, health.path, timeout_s=health.timeout_s)
        return answer is not None and answer.status == health.status

    def export_argv(self, candidate: Candidate, context: LaunchContext) -> tuple[str, ...]:
        """What a person would type to serve `candidate`: the manifest's export form, or argv."""
        template = self.manifest.export.argv or self.manifest.command.argv
        settings = self._settings(candidate, CacheArm.ON)
        return self._argv(template, settings, self._export_values(context))

    def export_env(self, context: LaunchContext) -> Mapping[str, str]:
        """The variables that go with `export_argv`, and the one that names the GPU."""
        pin = gpu_variables(context, self.manifest.command.gpu_env)
        return {**exported_variables(self.manifest, self._export_values(context)), **pin}

    @property
    def wanted_variables(self) -> tuple[str, ...]:
        """What the manifest hands through, and what of its variables is secret: by name."""
        return wanted_variables(self.manifest)

    def _export_values(self, context: LaunchContext) -> dict[str, str]:
        return {**self._values(context), "port": str(context.port)}


def freshened(value: Any) -> Any:
    """`value` with every ``{fresh}`` in its texts replaced by one word that is never used again."""
    if isinstance(value, str):
        return value.replace(FRESH, uuid.uuid4().hex) if FRESH in value else value
    if isinstance(value, Mapping):
        return {name: freshened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [freshened(inner) for inner in value]
    return value


def _find(program: str, hint: str) -> Path:
    """The program's file: a path as it is, a bare name from PATH."""
    import shutil

    found = shutil.which(program)
    if found is None:
        raise MachineError(f"there is no program {program}", hint)
    return Path(found).absolute()


def _holds(check: ReadyCheck, value: Any, values: Mapping[str, str]) -> bool:
    if check.above is not None:
        return isinstance(value, (int, float)) and value > check.above
    wanted = fill(check.equals, values) if isinstance(check.equals, str) else check.equals
    return bool(value == wanted)


def _read_back(source: ReadBack, base_url: str, log_text: str) -> dict[str, Setting]:
    value = _source_value(source, base_url, log_text)
    if source.json_path is not None:
        value = dig(value, source.json_path)
    if source.setting is None:
        return settings_in(value)
    setting = as_setting(source.values.get(str(value), value))
    return {} if setting is None else {source.setting: setting}


def _source_value(source: ReadBack, base_url: str, log_text: str) -> Any:
    if source.log is not None:
        return parsed(last_match(source.log, log_text))
    answer = ask(base_url, source.path or "/")
    return answer.body if answer is not None and answer.status == 200 else None
