"""SGLang's command line: what is stated always, what is refused, and what is left to the engine.

Facts are of 0.5.23: ``srt/arg_groups/fields`` and ``srt/server_args.py``.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from autotune.candidate import Setting
from autotune.launchers.arguments import arguments
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.http import dig
from autotune.launchers.read_back import as_setting

ALWAYS: Mapping[str, Setting] = {"enable-cache-report": True, "sampling-defaults": "openai"}
"""Stated on every launch where the build has them.

Without the report a reply does not say what was reused. The model's own ``generation_config.json``
would put its top-p and repetition penalty under every request.
"""

RESERVED = (
    "model",
    "model-path",
    "served-model-name",
    "host",
    "port",
    "api-key",
    "admin-api-key",
    "ssl-*",
    "enable-ssl-refresh",
    "enable-http2",
    "grpc-*",
    "smg-grpc-mode",
    "sidecar*",
    "config",
    "model-type",
    "is-embedding",
    "disaggregation-*",
    "nnodes",
    "node-rank",
    "dist-init-addr",
    "use-ray",
)
"""What a launch says itself, or what would make it another kind of server."""

FORBIDDEN = ("allow-auto-truncate", "debug-*")
"""Would fake a measurement: a prompt cut to fit is another prompt."""

_LEFT_TO_ENGINE: Mapping[str, str] = {"speculative-algorithm": "none"}
"""Values that mean: do not give the flag. ``auto`` means so for every flag."""

_HIERARCHICAL = ("enable-hierarchical-cache", "hicache-*")
"""Cannot go with ``--disable-radix-cache``: the engine refuses both together."""

FIELDS: Mapping[str, str] = {
    "fp8-gemm-backend": "fp8_gemm_runner_backend",
    "fp4-gemm-backend": "fp4_gemm_runner_backend",
    "tensor-parallel-size": "tp_size",
    "pipeline-parallel-size": "pp_size",
    "data-parallel-size": "dp_size",
}
"""Flags that ``/server_info`` calls otherwise than by their name with underscores."""

TOLD = (
    "attention-backend",
    "chunked-prefill-size",
    "context-length",
    "cuda-graph-max-bs-decode",
    "disable-overlap-schedule",
    "disable-radix-cache",
    "enable-hierarchical-cache",
    "enable-mixed-chunk",
    "hicache-ratio",
    "hicache-size",
    "hicache-write-policy",
    "kv-cache-dtype",
    "max-prefill-tokens",
    "max-running-requests",
    "max-total-tokens",
    "mem-fraction-static",
    "num-continuous-decode-steps",
    "page-size",
    "quantization",
    "radix-eviction-policy",
    "sampling-defaults",
    "schedule-conservativeness",
    "schedule-policy",
    "speculative-algorithm",
    "speculative-num-draft-tokens",
    "stream-interval",
    "swa-full-tokens-ratio",
)
"""What is kept of ``/server_info`` besides the settings that were asked."""


def asked_settings(settings: Mapping[str, Setting], *, cold: bool) -> dict[str, Setting]:
    """What of `settings` the engine is told; `cold` takes its cache away."""
    stated = {name: value for name, value in settings.items() if not _is_left(name, value)}
    if not cold:
        return stated
    kept = {name: value for name, value in stated.items() if not _matches(name, _HIERARCHICAL)}
    return {**kept, "disable-radix-cache": True}


def sglang_arguments(asked: Mapping[str, Setting], accepted: frozenset[str]) -> tuple[str, ...]:
    """`asked` over `ALWAYS` as arguments; `accepted` is empty for a build not asked yet.

    Raises `TrialError` (``BAD_FLAG``) for a setting that is refused or that the build lacks.
    """
    for name in asked:
        _check(name, accepted)
    always = {n: v for n, v in ALWAYS.items() if not accepted or n in accepted}
    stated = {**always, **asked}
    off = {n: _negative(n, accepted) for n, v in stated.items() if v is False}
    return arguments(stated, off=off)


def _is_left(name: str, value: Setting) -> bool:
    return value == "auto" or _LEFT_TO_ENGINE.get(name) == value


def _check(name: str, accepted: frozenset[str]) -> None:
    if _matches(name, FORBIDDEN):
        raise _bad_flag(f"--{name} changes what is measured and may not be tuned")
    if _matches(name, RESERVED):
        raise _bad_flag(f"--{name} is set by autotune and may not be tuned")
    if accepted and name not in accepted:
        raise _bad_flag(f"this build of sglang has no flag --{name}")


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _bad_flag(message: str) -> TrialError:
    return TrialError(Failure(FailureKind.BAD_FLAG, message))


def _negative(name: str, accepted: frozenset[str]) -> list[str]:
    """Nearly every switch is off unless given; a few newer ones have a ``--no-`` form."""
    return [f"--no-{name}"] if f"no-{name}" in accepted else []


def settings_told(info: Any, asked: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings in a ``/server_info`` answer, under the flags' own names."""
    names = dict.fromkeys([*TOLD, *asked])
    told = {name: as_setting(dig(info, _field(name))) for name in names}
    found = {name: value for name, value in told.items() if value is not None}
    if dig(info, "schedule_policy") is not None:
        found.setdefault("speculative-algorithm", "none")
    return {**found, **_pool(info, asked)}


def _field(name: str) -> str:
    return FIELDS.get(name, name.replace("-", "_"))


def _pool(info: Any, asked: Mapping[str, Setting]) -> dict[str, Setting]:
    """The size of the pool as it was allocated: memory may hold less than was asked.

    The pool is whole pages, so less than a page below the asked number is the asked number.
    """
    tokens, page = dig(info, "max_total_num_tokens"), dig(info, "page_size")
    if not isinstance(tokens, int):
        return {}
    wanted = asked.get("max-total-tokens")
    page = page if isinstance(page, int) else 1
    if isinstance(wanted, int) and 0 <= wanted - tokens < page:
        return {"max-total-tokens": wanted}
    return {"max-total-tokens": tokens}
