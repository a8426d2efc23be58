"""llama-server's setting names on xllamacpp's parameters: what the reference engine accepts.

Defaults follow llama-server (``common/arg.cpp``, ``tools/server/server.cpp``): four slots that
share their KV cache unless a number is given, threads for batches like those for decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from autotune.candidate import Setting

INTEGERS: Mapping[str, str] = {
    "ctx-size": "n_ctx",
    "parallel": "n_parallel",
    "kv-unified-per-slot": "kv_unified_per_slot",
    "batch-size": "n_batch",
    "ubatch-size": "n_ubatch",
    "keep": "n_keep",
    "cache-ram": "cache_ram_mib",
    "cache-reuse": "n_cache_reuse",
    "ctx-checkpoints": "n_ctx_checkpoints",
    "checkpoint-min-step": "checkpoint_min_step",
    "threads": "cpuparams.n_threads",
    "threads-batch": "cpuparams_batch.n_threads",
    "threads-http": "n_threads_http",
    "poll": "cpuparams.poll",
    "poll-batch": "cpuparams_batch.poll",
    "main-gpu": "main_gpu",
    "sse-ping-interval": "sse_ping_interval",
    "spec-draft-n-max": "speculative.draft.n_max",
    "spec-draft-n-min": "speculative.draft.n_min",
    "spec-ngram-mod-n-match": "speculative.ngram_mod.n_match",
    "spec-ngram-mod-n-min": "speculative.ngram_mod.n_min",
    "spec-ngram-mod-n-max": "speculative.ngram_mod.n_max",
    "spec-ngram-simple-size-n": "speculative.ngram_simple.size_n",
    "spec-ngram-simple-size-m": "speculative.ngram_simple.size_m",
    "spec-ngram-simple-min-hits": "speculative.ngram_simple.min_hits",
    "spec-ngram-map-k-size-n": "speculative.ngram_map_k.size_n",
    "spec-ngram-map-k-size-m": "speculative.ngram_map_k.size_m",
    "spec-ngram-map-k-min-hits": "speculative.ngram_map_k.min_hits",
    "spec-ngram-map-k4v-size-n": "speculative.ngram_map_k4v.size_n",
    "spec-ngram-map-k4v-size-m": "speculative.ngram_map_k4v.size_m",
    "spec-ngram-map-k4v-min-hits": "speculative.ngram_map_k4v.min_hits",
    "verbosity": "verbosity",
}
"""Whole numbers: flag -> dotted attribute of ``CommonParams``."""

NUMBERS: Mapping[str, str] = {"slot-prompt-similarity": "slot_prompt_similarity"}

SWITCHES: Mapping[str, str] = {
    "kv-unified": "kv_unified",
    "cache-prompt": "cache_prompt",
    "cache-idle-slots": "cache_idle_slots",
    "swa-full": "swa_full",
    "cont-batching": "cont_batching",
    "context-shift": "ctx_shift",
    "warmup": "warmup",
    "metrics": "endpoint_metrics",
    "slots": "endpoint_slots",
    "jinja": "use_jinja",
    "kv-offload": "!no_kv_offload",
    "op-offload": "!no_op_offload",
    "repack": "!no_extra_bufts",
    "host-buffer": "!no_host",
}
"""Switches with a ``--no-`` form; ``!`` marks an attribute that says the opposite."""

_KV_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting of named values: `enum` is xllamacpp's, `members` its names by flag value."""

    path: str
    enum: str
    members: Mapping[str, str]


def _members(prefix: str, values: tuple[str, ...]) -> dict[str, str]:
    return {v: prefix + v.upper().replace("-", "_") for v in values}


CHOICES: Mapping[str, Choice] = {
    "cache-type-k": Choice("cache_type_k", "ggml_type", _members("GGML_TYPE_", _KV_TYPES)),
    "cache-type-v": Choice("cache_type_v", "ggml_type", _members("GGML_TYPE_", _KV_TYPES)),
    "flash-attn": Choice(
        "flash_attn_type",
        "llama_flash_attn_type",
        {
            "auto": "LLAMA_FLASH_ATTN_TYPE_AUTO",
            "on": "LLAMA_FLASH_ATTN_TYPE_ENABLED",
            "off": "LLAMA_FLASH_ATTN_TYPE_DISABLED",
        },
    ),
    "load-mode": Choice(
        "load_mode",
        "llama_load_mode",
        {
            **_members("LLAMA_LOAD_MODE_", ("auto", "none", "mmap", "mlock")),
            "mmap+mlock": "LLAMA_LOAD_MODE_MMAP_MLOCK",
            "dio": "LLAMA_LOAD_MODE_DIRECT_IO",
        },
    ),
    "split-mode": Choice(
        "split_mode",
        "llama_split_mode",
        _members("LLAMA_SPLIT_MODE_", ("none", "layer", "row", "tensor")),
    ),
    "prio": Choice(
        "cpuparams.priority",
        "ggml_sched_priority",
        {
            "-1": "GGML_SCHED_PRIO_LOW",
            "0": "GGML_SCHED_PRIO_NORMAL",
            "1": "GGML_SCHED_PRIO_MEDIUM",
            "2": "GGML_SCHED_PRIO_HIGH",
            "3": "GGML_SCHED_PRIO_REALTIME",
        },
    ),
}

SPECULATORS = ("none", "ngram-simple", "ngram-map-k", "ngram-map-k4v", "ngram-mod")
"""Drafters that need no second model and no file."""

ALL_LAYERS, AUTO_LAYERS = -2, -1
"""What ``all`` and ``auto`` are for ``n-gpu-layers`` (``common/arg.cpp``)."""


def new_params(library: Any, settings: Mapping[str, Setting]) -> Any:
    """``CommonParams`` with llama-server's defaults and `settings` laid over them.

    Raises ``ValueError`` naming the flag and the value it does not take.
    """
    params = library.CommonParams()
    params.fit_params = False
    params.n_parallel = -1
    for name, value in settings.items():
        _set(library, params, name, value)
    _resolve_slots(params)
    _resolve_threads(params, settings)
    return params


def _resolve_slots(params: Any) -> None:
    """A negative number of slots is automatic: four that share (``server.cpp``)."""
    if params.n_parallel < 0:
        params.n_parallel, params.kv_unified = 4, True


def _resolve_threads(params: Any, settings: Mapping[str, Setting]) -> None:
    """Without threads of its own a batch takes everything from decoding (``common.cpp``)."""
    if int(settings.get("threads-batch", -1)) < 0:
        for field in ("n_threads", "poll", "priority"):
            setattr(params.cpuparams_batch, field, getattr(params.cpuparams, field))


def _set(library: Any, params: Any, name: str, value: Setting) -> None:
    try:
        _setter(name)(library, params, name, value)
    except (ValueError, KeyError, OverflowError) as error:
        raise ValueError(f'error while handling argument "--{name}": {value}') from error


_Setter = Callable[[Any, Any, str, Setting], None]


def _setter(name: str) -> _Setter:
    if name in CHOICES:
        return _set_choice
    if name in SWITCHES:
        return _set_switch
    return {"spec-type": _set_speculators, "n-gpu-layers": _set_layers}.get(name, _set_number)


def _set_number(library: Any, params: Any, name: str, value: Setting) -> None:
    if name in INTEGERS:
        _assign(params, INTEGERS[name], int(value))
    else:
        _assign(params, NUMBERS[name], float(value))


def _set_switch(library: Any, params: Any, name: str, value: Setting) -> None:
    path = SWITCHES[name]
    _assign(params, path.removeprefix("!"), bool(value) != path.startswith("!"))


def _set_choice(library: Any, params: Any, name: str, value: Setting) -> None:
    choice = CHOICES[name]
    _assign(params, choice.path, getattr(getattr(library, choice.enum), choice.members[str(value)]))


def _set_layers(library: Any, params: Any, name: str, value: Setting) -> None:
    named = {"all": ALL_LAYERS, "auto": AUTO_LAYERS}
    params.n_gpu_layers = named[str(value)] if str(value) in named else int(value)


def _set_speculators(library: Any, params: Any, name: str, value: Setting) -> None:
    names = str(value).split(",")
    if unknown := set(names) - set(SPECULATORS):
        raise ValueError(f"unknown speculator {min(unknown)}")
    kinds = library.common_speculative_type
    prefix = "COMMON_SPECULATIVE_TYPE_"
    params.speculative.types = [getattr(kinds, m) for m in _members(prefix, tuple(names)).values()]


def _assign(params: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        params = getattr(params, parent)
    setattr(params, last, value)


def _value_at(params: Any, path: str) -> Any:
    for part in path.split("."):
        params = getattr(params, part)
    return params


def told(params: Any) -> dict[str, Setting]:
    """Every setting as `params` now has it, by flag name: what the server was given."""
    numbers = {**INTEGERS, **NUMBERS}
    found: dict[str, Setting] = {name: _value_at(params, path) for name, path in numbers.items()}
    for name, path in SWITCHES.items():
        found[name] = bool(_value_at(params, path.removeprefix("!"))) != path.startswith("!")
    for name, choice in CHOICES.items():
        member = _value_at(params, choice.path).name
        found[name] = next((v for v, m in choice.members.items() if m == member), member)
    found["spec-type"] = ",".join(_speculator(t.name) for t in params.speculative.types)
    named = {ALL_LAYERS: "all", AUTO_LAYERS: "auto"}
    found["n-gpu-layers"] = named.get(params.n_gpu_layers, params.n_gpu_layers)
    return found


def _speculator(member: str) -> str:
    return member.removeprefix("COMMON_SPECULATIVE_TYPE_").lower().replace("_", "-")
