"""What vLLM says it runs with: its start-up log and the configuration among its metrics (0.32).

The start-up line has what was decided; the list of arguments has what was understood, for settings
that appear nowhere else. What neither names is left out, and then not compared.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

from autotune.candidate import Setting
from autotune.launchers.read_back import as_setting
from autotune.launchers.vllm_flags import RESERVED, SPECULATION, UNSTATED

_ARGUMENTS = re.compile(r"non-default args: (\{.*\})\s*$", re.MULTILINE)
_CONFIG = re.compile(r"Initializing a V1 LLM engine .* with config: (.*)$", re.MULTILINE)
_CACHE = re.compile(r"^vllm:cache_config_info\{(.*)\} ", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def _switch(text: str) -> Setting:
    return text == "True"


def _or_model(text: str) -> Setting:
    return UNSTATED["quantization"] if text == "None" else text


_DECIDED: Mapping[str, tuple[str, Callable[[str], Setting]]] = {
    "max-model-len": (r"\bmax_seq_len=(\d+)", int),
    "quantization": (r"\bquantization=(\w+)", _or_model),
    "enforce-eager": (r"\benforce_eager=(True|False)", _switch),
    "kv-cache-dtype": (r"\bkv_cache_dtype=(\w+)", str),
    "enable-prefix-caching": (r"\benable_prefix_caching=(True|False)", _switch),
    "enable-chunked-prefill": (r"\benable_chunked_prefill=(True|False)", _switch),
}

_ELSEWHERE: Mapping[str, tuple[str, Callable[[str], Setting]]] = {
    "attention-backend": (
        r"Using (?:AttentionBackendEnum\.)?([A-Z\d_]+)(?: attention)? backend",
        str,
    ),
    "VLLM_CPU_NUM_OF_RESERVED_CPU": (r"\breserve_cpu_num=(\d+)", int),
}

_ON_A_PROCESSOR: Mapping[str, Setting] = {"async-scheduling": False}
"""What its CPU platform takes whatever is asked."""

_METRICS: Mapping[str, str] = {
    "block_size": "block-size",
    "cache_dtype": "kv-cache-dtype",
    "enable_prefix_caching": "enable-prefix-caching",
    "gpu_memory_utilization": "gpu-memory-utilization",
    "kv_cache_memory_bytes": "kv-cache-memory-bytes",
    "kv_offloading_size": "kv-offloading-size",
}


def settings_in_log(log_text: str) -> dict[str, Setting]:
    """Every setting that the log states, under vLLM's flag names."""
    found = _understood(log_text)
    if (line := _CONFIG.search(log_text)) is not None:
        found |= _matches(_DECIDED, line[1])
        found |= _speculation(line[1])
        found |= _ON_A_PROCESSOR if "device_config=cpu," in line[1] else {}
    return found | _matches(_ELSEWHERE, log_text)


def _matches(
    patterns: Mapping[str, tuple[str, Callable[[str], Setting]]], text: str
) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for name, (pattern, convert) in patterns.items():
        if (match := re.search(pattern, text)) is not None:
            found[name] = convert(match[1])
    return found


def _understood(log_text: str) -> dict[str, Setting]:
    """The arguments that the server lists because they are not its defaults."""
    line = _ARGUMENTS.search(log_text)
    values = _literal(line[1]) if line is not None else {}
    speculation = values.pop("speculative_config", None)
    named = {str(k).replace("_", "-"): v for k, v in values.items()}
    if isinstance(speculation, Mapping):
        named |= {f"{SPECULATION}{k}": v for k, v in speculation.items()}
    pairs = ((n, as_setting(v)) for n, v in named.items() if n not in RESERVED)
    return {name: value for name, value in pairs if value is not None}


def _literal(text: str) -> dict[str, Any]:
    """A Python dictionary as it was printed; empty where it holds more than plain values."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {}
    return dict(value) if isinstance(value, dict) else {}


def _speculation(config: str) -> dict[str, Setting]:
    """The drafter that was set up: one that was asked for and is not there shows here."""
    method = re.search(r"speculative_config=SpeculativeConfig\(method='(\w+)'", config)
    if method is None:
        absent = "speculative_config=None" in config
        return {f"{SPECULATION}method": "none"} if absent else {}
    found: dict[str, Setting] = {f"{SPECULATION}method": method[1]}
    if (tokens := re.search(r"num_spec_tokens=(\d+)", config)) is not None:
        found[f"{SPECULATION}num_speculative_tokens"] = int(tokens[1])
    return found


def settings_in_metrics(metrics_text: str) -> dict[str, Setting]:
    """The cache's configuration, after everything was decided; what is not set there is left out.

    No size of offloaded memory means none.
    """
    line = _CACHE.search(metrics_text)
    labels = dict(_LABEL.findall(line[1])) if line is not None else {}
    if labels.get("kv_offloading_size") == "None":
        labels["kv_offloading_size"] = "0"
    found = {_METRICS[k]: _value(v) for k, v in labels.items() if k in _METRICS and v != "None"}
    return {name: value for name, value in found.items() if value is not None}


def _value(text: str) -> Setting | None:
    return text == "True" if text in ("True", "False") else as_setting(text)
