"""Settings that llama.cpp prints while it loads, at ``--verbosity 4``.

Lines are of build b11434 (``src/llama-context.cpp``, ``src/llama-kv-cache.cpp``,
``tools/server/server-context.cpp``, ``common/speculative.cpp``); a line that a build does not print
leaves its setting out. The first match counts: a draft model prints the same lines after it.

Not printed anywhere, so never read back: cache-reuse, slot-prompt-similarity, poll, prio,
cont-batching, op-offload, kv-offload, repack, numa, warmup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from autotune.candidate import Setting

_SWITCHED = {"enabled": "on", "disabled": "off", "auto": "auto"}

_PATTERNS: Mapping[str, tuple[str, Callable[[str], Setting]]] = {
    "ctx-size": (r"llama_context: n_ctx +=\s*(\d+)", int),
    "parallel": (r"llama_context: n_seq_max +=\s*(\d+)", int),
    "batch-size": (r"llama_context: n_batch +=\s*(\d+)", int),
    "ubatch-size": (r"llama_context: n_ubatch +=\s*(\d+)", int),
    "kv-unified": (r"llama_context: kv_unified +=\s*(true|false)", lambda t: t == "true"),
    "cache-type-k": (r"llama_kv_cache: size =.*? K \((\w+)\)", str),
    "cache-type-v": (r"llama_kv_cache: size =.*? V \((\w+)\)", str),
    "threads": (r"system_info: n_threads = (\d+)", int),
    "threads-batch": (r"system_info: n_threads = \d+ \(n_threads_batch = (\d+)\)", int),
    "load-mode": (r"load_tensors: loading model tensors.*\(load_mode = ([\w+]+)\)", str),
    "n-gpu-layers": (r"load_tensors: offloaded (\d+)/\d+ layers to GPU", int),
    "checkpoint-min-step": (r"context checkpoints enabled, max = \d+, min spacing = (\d+)", int),
}


def settings_in_log(log_text: str) -> dict[str, Setting]:
    """Every setting that the log states, under llama-server's flag names."""
    found: dict[str, Setting] = {}
    for name, (pattern, convert) in _PATTERNS.items():
        if (match := re.search(pattern, log_text)) is not None:
            found[name] = convert(match[1])
    found |= _flash_attention(log_text)
    found |= _host_cache(log_text)
    found |= _switched_off(log_text)
    found |= _speculation(log_text)
    return found


def _flash_attention(log_text: str) -> dict[str, Setting]:
    """What was decided, where it was left to the engine: the decision has its own line."""
    stated = re.search(r"llama_context: flash_attn +=\s*(\w+)", log_text)
    if stated is None:
        return {}
    decided = re.search(r"Flash Attention (?:was auto, set to )?(enabled|disabled)", log_text)
    last = decided[1] if stated[1] == "auto" and decided is not None else stated[1]
    return {"flash-attn": _SWITCHED[last]} if last in _SWITCHED else {}


def _host_cache(log_text: str) -> dict[str, Setting]:
    """Prompt cache in host memory, what is done with idle slots, checkpoints."""
    found: dict[str, Setting] = {}
    if "prompt cache is disabled" in log_text:
        found["cache-ram"] = 0
    elif limit := re.search(r"prompt cache is enabled, size limit: (\d+|no limit)", log_text):
        found["cache-ram"] = -1 if limit[1] == "no limit" else int(limit[1])
    if "cache-ram" in found:
        found["cache-idle-slots"] = "idle slots will be saved to prompt cache" in log_text
    if "context checkpoints disabled" in log_text:
        found["ctx-checkpoints"] = 0
    elif (most := re.search(r"context checkpoints enabled, max = (\d+)", log_text)) is not None:
        found["ctx-checkpoints"] = int(most[1])
    return found


def _switched_off(log_text: str) -> dict[str, Setting]:
    """What the engine says it switched off because the model cannot do it."""
    found: dict[str, Setting] = {}
    if "swa_full is not supported" in log_text:
        found["swa-full"] = False
    if "cache_reuse is not supported" in log_text:
        found["cache-reuse"] = 0
    return found


_IMPLEMENTATION = re.compile(r"adding speculative implementation '([\w-]+)'((?:\n.*: - .*)*)")
_NAMES = {
    "n_match": "n-match",
    "n_max": "n-max",
    "n_min": "n-min",
    "size_n": "size-n",
    "size_m": "size-m",
    "size_key": "size-n",
    "size_value": "size-m",
    "min_hits": "min-hits",
}


def _speculation(log_text: str) -> dict[str, Setting]:
    """Which drafters run, and their numbers; ``none`` when the engine says there is none."""
    if "failed to initialize speculative decoding" in log_text:
        return {"spec-type": "none"}
    drafters = [(m[1], m[2]) for m in _IMPLEMENTATION.finditer(log_text)]
    if not drafters:
        absent = "no implementations specified for speculative decoding" in log_text
        return {"spec-type": "none"} if absent else {}
    found: dict[str, Setting] = {"spec-type": ",".join(name for name, _ in drafters)}
    for name, lines in drafters:
        found |= _drafter_settings(name, lines)
    return found


def _drafter_settings(name: str, lines: str) -> dict[str, Setting]:
    """``--spec-ngram-simple-size-n`` and the like; a draft model's are ``--spec-draft-n-max``."""
    prefix = "spec-draft" if name.startswith("draft-") else f"spec-{name}"
    numbers = re.findall(r"(\w+)=(-?\d+)(?![\d.])", lines)
    return {f"{prefix}-{_NAMES[key]}": int(value) for key, value in numbers if key in _NAMES}
