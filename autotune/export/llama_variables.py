"""llama-server's environment variables: what its flags are called there.

Of build b11434, whose ``--help`` names them. A flag that is not here has no variable, or is not
known to have one: it stays on the command line.
"""

from __future__ import annotations

from collections.abc import Mapping

from autotune.export.command import Flag

PREFIX = "LLAMA_ARG_"

_OTHERWISE: Mapping[str, str] = {
    "batch-size": "LLAMA_ARG_BATCH",
    "checkpoint-min-step": "LLAMA_ARG_CHECKPOINT_MIN_SPACING_NT",
    "metrics": "LLAMA_ARG_ENDPOINT_METRICS",
    "parallel": "LLAMA_ARG_N_PARALLEL",
    "props": "LLAMA_ARG_ENDPOINT_PROPS",
    "reasoning-budget": "LLAMA_ARG_THINK_BUDGET",
    "reasoning-format": "LLAMA_ARG_THINK",
    "rope-scaling": "LLAMA_ARG_ROPE_SCALING_TYPE",
    "slots": "LLAMA_ARG_ENDPOINT_SLOTS",
    "spec-draft-ngl": "LLAMA_ARG_N_GPU_LAYERS_DRAFT",
    "spec-draft-type-k": "LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_K",
    "spec-draft-type-v": "LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_V",
    "swa-checkpoints": "LLAMA_ARG_CTX_CHECKPOINTS",
    "ubatch-size": "LLAMA_ARG_UBATCH",
    "verbosity": "LLAMA_ARG_LOG_VERBOSITY",
}

_NAMES = """
    cache-idle-slots cache-prompt cache-ram cache-reuse cache-type-k cache-type-v chat-template
    chat-template-file chat-template-kwargs cont-batching context-shift cpu-moe ctx-checkpoints
    ctx-size defrag-thold device fit fit-ctx fit-target flash-attn host jinja kv-offload kv-unified
    kv-unified-per-slot lazy-mode load-mode main-gpu mmproj mmproj-offload model n-cpu-ffn n-cpu-moe
    n-gpu-layers n-predict no-host numa override-tensor perf pooling port prefill-assistant
    reasoning reasoning-effort reasoning-preserve repack rope-freq-base rope-freq-scale rope-scale
    spec-draft-backend-sampling spec-draft-cpu-moe spec-draft-model spec-draft-n-cpu-moe
    spec-draft-n-max spec-draft-n-min spec-draft-p-min spec-draft-p-split spec-draft-sampling
    spec-type split-mode sse-ping-interval swa-full tensor-split threads threads-http timeout ui
    yarn-attn-factor yarn-beta-fast yarn-beta-slow yarn-ext-factor yarn-orig-ctx
"""
_BY_NAME = frozenset(_NAMES.split())
"""Flags whose variable is their name in capitals after the prefix."""


def variable_of(name: str) -> str | None:
    """The variable of a flag without dashes; ``None`` where there is none."""
    if name in _BY_NAME:
        return PREFIX + name.upper().replace("-", "_")
    return _OTHERWISE.get(name)


KNOWN = frozenset({*_BY_NAME, *_OTHERWISE})
"""Every flag that `variable_of` has a variable for."""


def assignment(flag: Flag) -> tuple[str, str] | None:
    """A flag as a variable and its value; ``None`` where it has none or takes two values.

    A switch that is off is written as ``false``: a variable ``LLAMA_ARG_NO_...`` would count
    whatever its value is, and one that is empty as well.
    """
    own = variable_of(flag.bare)
    if own is not None and len(flag.values) < 2:
        return own, (flag.values[0] if flag.values else "true")
    positive = variable_of(flag.bare.removeprefix("no-"))
    if positive is not None and flag.bare.startswith("no-") and not flag.values:
        return positive, "false"
    return None
