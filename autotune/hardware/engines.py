"""Inference engines among the running processes: they hold memory and may wake up any time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath

import psutil

_PROGRAMS = frozenset(
    {"llama-server", "llama-cli", "llama-swap", "ollama", "ollama_llama_server", "vllm", "sglang"}
    | {"koboldcpp", "text-generation-launcher", "text-generation-server", "lmdeploy", "aphrodite"}
    | {"trtllm-serve", "mlx_lm.server", "omlx", "ds4-server", "local-ai", "lms", "ik_llama-server"}
    | {"tritonserver", "mistralrs-server", "mistralrs"}
)
_MODULES = re.compile(
    r"^(vllm|sglang|llama_cpp\.server|mlx_lm|aphrodite|lmdeploy|tensorrt_llm|exllamav[23]?)(\.|$)"
)
_TITLES = re.compile(r"^(VLLM|sglang)::", re.IGNORECASE)
"""vLLM and SGLang name their workers so."""

_INTERPRETER = re.compile(r"^(python|pypy|node|bash|sh|uv|uvx)[\d.]*$")


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """An engine that runs on this machine; `resident_bytes` is its host memory."""

    pid: int
    name: str
    resident_bytes: int | None


def running_engines(ours: Collection[int] = ()) -> list[RunningEngine]:
    """Engines among the processes that this user can see, without the pids in `ours`."""
    return [engine for engine in _engines() if engine.pid not in ours]


def engine_name(name: str, cmdline: Sequence[str]) -> str | None:
    """Which engine a process is, by its name and arguments; ``None`` for none."""
    if title := _TITLES.match(cmdline[0] if cmdline else name):
        return title[1].lower()
    for program in _programs(name, cmdline):
        if program in _PROGRAMS:
            return program
    return _module(cmdline)


def _programs(name: str, cmdline: Sequence[str]) -> Iterator[str]:
    """What is executed: the program, or the script that an interpreter runs."""
    yield name.removesuffix(".exe")
    for word in cmdline[:3]:
        program = PurePath(word).name.removesuffix(".exe")
        yield program
        if not _INTERPRETER.match(program):
            return


def _module(cmdline: Sequence[str]) -> str | None:
    """``python -m vllm.entrypoints...`` is vllm."""
    with suppress(ValueError, IndexError):
        module = cmdline[list(cmdline).index("-m") + 1]
        if found := _MODULES.match(module):
            return found[1]
    return None


def _engines() -> Iterator[RunningEngine]:
    for process in psutil.process_iter(["name", "cmdline", "memory_info"]):
        info = process.info
        name = engine_name(info["name"] or "", info["cmdline"] or ())
        if name is not None:
            memory = info["memory_info"]
            yield RunningEngine(process.pid, name, memory.rss if memory else None)
