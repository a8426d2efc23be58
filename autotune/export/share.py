"""What was found, to be shown to others: the fields that LocalMaxxing's benchmarks have.

Nothing is sent anywhere. Paths, the GPU's UUID and whatever else is only of this machine is left
out. What a study does not know is ``null`` and listed under ``to_fill``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from autotune.export.command import Command, command_of
from autotune.export.gpu_kind import CPU, GpuKind, gpu_kind
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.provenance import provenance_lines

ENGINES = {"llama-server": "llama.cpp", "reference": "llama.cpp"}
"""What the site calls an engine, where it is another name."""

REQUIRED = ("hfId", "hardware", "engineName", "quantization", "tokSOut")

_QUANT = re.compile(
    r"(?<![A-Za-z0-9])((?:UD-)?I?Q\d(?:_[A-Z0-9]+)*|BF16|F16|F32|MXFP4|NVFP4|FP8|AWQ|GPTQ)"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)


def render_share(config: ExportConfig, full: bool = False) -> str:
    """A JSON document: `provenance`, then `benchmark`, then what is `to_fill` by hand."""
    command = _public(command_of(config, full))
    benchmark = _benchmark(config, command, full)
    document = {
        "provenance": provenance_lines(_without_paths(config.provenance)),
        "benchmark": benchmark,
        "to_fill": [name for name in REQUIRED if benchmark.get(name) is None],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _benchmark(config: ExportConfig, command: Command, full: bool) -> dict[str, Any]:
    facts, after = config.provenance, config.provenance.after or {}
    settings = config.full_settings if full else config.settings
    ttft_s = after.get("ttft_p50_s")
    return {
        "hfId": None,
        "hardware": _hardware(config),
        "engineName": ENGINES.get(facts.engine or "", _unpathed(facts.engine or "unknown")),
        "engineVersion": facts.engine_version,
        "quantization": quantization(facts.model),
        "tokSOut": _rounded(after.get("decode_p50_tps"), 2),
        "ttftMs": None if ttft_s is None else _rounded(ttft_s * 1000, 1),
        "contextLength": _context(config.full_settings),
        "engineFlags": {
            **{n: _unpathed(v) if isinstance(v, str) else v for n, v in settings.items()},
            "commandSnippet": shlex.join(command.words),
        },
        "notes": _notes(facts),
    }


def _hardware(config: ExportConfig) -> dict[str, Any]:
    facts = config.provenance
    if gpu_kind(config) is GpuKind.NONE and facts.gpu_uuid == CPU:
        return {"hwClass": "CPU_ONLY", "cpu": facts.gpu}
    unified = gpu_kind(config) is GpuKind.NONE
    kind = "UNIFIED" if unified else "DISCRETE_GPU"
    return {"hwClass": kind, "gpuName": facts.gpu, "gpuCount": 1}


def quantization(model: str | None) -> str | None:
    """The weights' format where the file's name says it, such as ``Q4_K_M``."""
    found = _QUANT.findall(PurePosixPath(model or "").name)
    return found[-1].upper() if found else None


def _context(settings: Mapping[str, Any]) -> int | None:
    for name in ("ctx-size", "max-model-len", "context-length"):
        value = settings.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _notes(facts: ExportProvenance) -> str:
    """How the figures came about: no reader may take them for those of a synthetic benchmark."""
    told = [
        "Medians over turns of replayed coding-agent sessions, one at a time, greedy, with the "
        "engine's own prefix cache (autotune).",
        facts.verdict or "Not confirmed against the engine's defaults.",
    ]
    if facts.depth:
        told.append(f"Depth: {facts.depth} tokens.")
    if facts.quality_changing:
        told.append(f"Settings that can change replies: {', '.join(facts.quality_changing)}.")
    return " ".join(told)


def _public(command: Command) -> Command:
    """The command with file names instead of paths."""
    flags = tuple(
        replace(flag, values=tuple(_unpathed(value) for value in flag.values))
        for flag in command.flags
    )
    program = tuple(map(_unpathed, command.program))
    return replace(command, env={}, program=program, flags=flags)


def _unpathed(text: str) -> str:
    """A path as its last part, and so are paths inside of a text."""
    if text.startswith("/"):
        return PurePosixPath(text).name
    return re.sub(r"(?<![\w:/.])/(?:[^\s/:'\"]+/)*([^\s/:'\"]+)", r"\1", text)


def _without_paths(facts: ExportProvenance) -> ExportProvenance:
    model, engine = facts.model, facts.engine
    return replace(
        facts,
        model=None if model is None else _unpathed(model),
        engine=None if engine is None else _unpathed(engine),
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
