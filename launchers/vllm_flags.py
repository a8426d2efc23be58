"""vLLM's command line: which settings are stated always, refused, or not flags at all.

Facts are of vLLM 0.32: its ``--help=all``, ``engine/arg_utils.py`` and ``config/speculative.py``.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import replace

from autotune.candidate import Setting
from autotune.launchers.arguments import arguments, text_of
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import Spelling, Standing, spell

ALWAYS: Mapping[str, Setting] = {
    "enable-prompt-tokens-details": True,
    "generation-config": "vllm",
    "enable-log-requests": False,
    "disable-uvicorn-access-log": True,
    "enable-prefix-caching": True,
}
"""Stated on every launch where the build has them and the candidate says nothing else.

Without the first cached tokens are not reported; without the second the model's own sampling
settings apply; nothing is written for each request.
"""

OURS = ("enable-prompt-tokens-details", "enable-log-requests", "disable-uvicorn-access-log")
"""Flags of `ALWAYS` that serve measuring, not serving: an exported command goes without them."""

RESERVED = (
    "model",
    "model-tag",
    "served-model-name",
    "tokenizer*",
    "host",
    "port",
    "uds",
    "config",
    "api-key",
    "ssl-*",
    "root-path",
    "headless",
    "grpc*",
    "api-server-count",
    "enable-prompt-tokens-details",
    "*log-requests",
    "disable-log-stats",
    "speculative-config",
    "spec-*",
)
"""What a launch says itself, what would make it another kind of server, what blinds a measurement.

Speculation is set by its parts: ``speculative-config.method`` and so on.
"""

FORBIDDEN = ("speculative-config.rejection_sample_method", "speculative-config.synthetic*")
"""Would fake a measurement: acceptance of drafts that nobody checked."""

UNSTATED: Mapping[str, Setting] = {
    "block-size": "auto",
    "kv-offloading-size": 0,
    "quantization": "model",
    "speculative-config.method": "none",
}
"""Values that stand for leaving the flag out: the engine decides, or does without."""

SPECULATION = "speculative-config."
VARIABLE = "VLLM_"
"""A setting whose name begins so is an environment variable of the engine, not a flag."""

_OLDER = {"enable-log-requests": "disable-log-requests"}


def vllm_spelling(name: str, build: EngineBuild) -> Spelling:
    """What `build` calls a setting: a part of another flag goes by that, a variable by itself."""
    if is_variable(name):
        return Spelling(name, Standing.SAME, accepted=build.flags)
    if _is_part(name):
        return replace(spell(SPECULATION.rstrip("."), build, {}), setting=name)
    told = spell(name, build, {})
    if told.allowed is None or name not in UNSTATED:
        return told
    return replace(told, allowed=told.allowed | {str(UNSTATED[name])})


def is_variable(name: str) -> bool:
    """Whether a setting is handed over in the environment."""
    return name.startswith(VARIABLE)


def vllm_variables(settings: Mapping[str, Setting]) -> dict[str, str]:
    """The settings that are environment variables."""
    return {n: text_of(v) for n, v in settings.items() if is_variable(n)}


def vllm_arguments(settings: Mapping[str, Setting], accepted: frozenset[str]) -> tuple[str, ...]:
    """`settings` over `ALWAYS` as arguments; `accepted` is empty for a build not asked yet.

    Raises `TrialError` (``BAD_FLAG``) for a setting that is refused or that the build lacks.
    """
    for name in settings:
        _check(name, accepted)
    stated = {**_always(settings, accepted), **_flags(settings)}
    off = {name: _negative(name, accepted) for name, value in stated.items() if value is False}
    result = arguments(stated, off=off)
    speculation = speculative_config(settings)
    if not speculation:
        return result
    return (*result, "--speculative-config", json.dumps(speculation, sort_keys=True))


def speculative_config(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The parts of ``--speculative-config`` as one object; empty without speculation."""
    parts = {n.removeprefix(SPECULATION): v for n, v in settings.items() if _is_part(n)}
    return {} if parts.get("method", "none") == "none" else parts


def _is_part(name: str) -> bool:
    return name.startswith(SPECULATION)


def _flags(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings that are flags of their own and are stated."""
    return {
        name: value
        for name, value in settings.items()
        if not (_is_part(name) or is_variable(name) or UNSTATED.get(name) == value)
    }


def _always(settings: Mapping[str, Setting], accepted: frozenset[str]) -> dict[str, Setting]:
    """What of `ALWAYS` this build has; before 0.11 requests were logged unless switched off."""
    found: dict[str, Setting] = {}
    for name, value in ALWAYS.items():
        if not accepted or name in accepted:
            found[name] = value
        elif _OLDER.get(name, "") in accepted:
            found[_OLDER[name]] = not value
    return {name: value for name, value in found.items() if name not in settings}


def _check(name: str, accepted: frozenset[str]) -> None:
    if _matches(name, FORBIDDEN):
        raise _bad_flag(f"{name} fakes a result and may not be tuned")
    if _matches(name, RESERVED):
        raise _bad_flag(f"--{name} is set by autotune and may not be tuned")
    flag = SPECULATION.rstrip(".") if _is_part(name) else name
    if accepted and flag not in accepted and not is_variable(name):
        raise _bad_flag(f"this build of vLLM has no flag --{flag}")


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _bad_flag(message: str) -> TrialError:
    return TrialError(Failure(FailureKind.BAD_FLAG, message))


def _negative(name: str, accepted: frozenset[str]) -> list[str]:
    """What switches `name` off; nothing for a switch that is off unless given."""
    return [f"--no-{name}"] if not accepted or f"no-{name}" in accepted else []
