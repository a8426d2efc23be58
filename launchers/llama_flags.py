"""llama-server's command line: which settings are stated always, refused, or spelt oddly.

Facts are of build b11434: its ``--help`` and ``common/arg.cpp``.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

from autotune.candidate import Setting
from autotune.launchers.arguments import arguments
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.llama_forms import FORMS
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import Spelling, spell

ALWAYS: Mapping[str, Setting] = {
    "fit": "off",
    "verbosity": 4,
    "slots": True,
    "jinja": True,
    "context-shift": False,
    "cache-prompt": True,
}
"""Stated on every launch where the build has them.

``fit`` shrinks unset settings to the memory that is free; level 4 is where memory, batch and cache
settings are logged; a context that shifts loses the prefix that is being measured.
"""

RESERVED = (
    "model",
    "model-url",
    "docker-repo",
    "hf-*",
    "models-*",
    "host",
    "port",
    "reuse-port",
    "fit",
    "fit-*",
    "verbosity",
    "log-*",
    "api-key*",
    "ssl-*",
    "slots",
    "embedding*",
    "rerank*",
)
"""What a launch says itself, or what would make it another kind of server."""

FORBIDDEN = ("spec-synth-*",)
"""Would fake a measurement: synthetic acceptance of drafts."""

NEGATIVE = frozenset(
    {
        "no-cache-idle-slots",
        "no-cache-prompt",
        "no-cont-batching",
        "no-context-shift",
        "no-jinja",
        "no-kv-offload",
        "no-kv-unified",
        "no-mmproj-offload",
        "no-op-offload",
        "no-perf",
        "no-prefill-assistant",
        "no-reasoning-preserve",
        "no-repack",
        "no-skip-chat-parsing",
        "no-slots",
        "no-spec-draft-backend-sampling",
        "no-ui",
        "no-warmup",
    }
)
"""Switches with a ``--no-`` form, for a build that has not been asked for its ``--help``."""

_UNASKED = EngineBuild("llama-server", "", "", "")


def llama_arguments(
    settings: Mapping[str, Setting], build: EngineBuild | None = None
) -> tuple[str, ...]:
    """`settings` over `ALWAYS` as arguments, spelt as `build` knows them.

    Without a build the newest names are written. Raises `TrialError` (``BAD_FLAG``) for a setting
    that is refused or that the build has not, under no name.
    """
    build = build if build is not None else _UNASKED
    for name, value in settings.items():
        _check(name, value, build)
    accepted = build.flags
    always = {n: v for n, v in ALWAYS.items() if not accepted or _has(n, v, accepted)}
    stated = {**always, **settings}
    return tuple(a for n, v in stated.items() for a in _spelt(spelling(n, build), v))


def spelling(name: str, build: EngineBuild) -> Spelling:
    """What `build` calls the setting `name`; names of older builds are in `llama_forms`."""
    return spell(name, build, FORMS)


def _spelt(told: Spelling, value: Setting) -> tuple[str, ...]:
    """One setting's arguments."""
    if (stated := told.stated(value)) is not None:
        return stated
    if value is True and told.accepted and told.flag not in told.accepted:
        return ()  # only its --no- form is there: it is on unless that is given
    off = _negative(told.flag, told.accepted) if value is False else []
    return arguments({told.flag: value}, off={told.flag: off})


def _check(name: str, value: Setting, build: EngineBuild) -> None:
    if _matches(name, FORBIDDEN):
        raise _bad_flag(f"--{name} fakes a result and may not be tuned")
    if _matches(name, RESERVED):
        raise _bad_flag(f"--{name} is set by autotune and may not be tuned")
    told = spelling(name, build)
    if not told.known:
        advice = f"; {told.advice}" if told.advice else ""
        raise _bad_flag(f"this build of llama-server has no flag --{name}{advice}")
    if not told.can_say(value):
        raise _bad_flag(f"this build of llama-server has no {name} = {value}")


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _bad_flag(message: str) -> TrialError:
    return TrialError(Failure(FailureKind.BAD_FLAG, message))


def _has(name: str, value: Setting, accepted: frozenset[str]) -> bool:
    return (f"no-{name}" if value is False else name) in accepted


def _negative(name: str, accepted: frozenset[str]) -> list[str]:
    """What switches `name` off; nothing for a switch that is off unless given.

    A setting that is itself a ``no-`` form is switched off by its positive form; ``--host`` is
    not the opposite of ``--no-host``, it is the address.
    """
    if name.startswith("no-"):
        positive = name.removeprefix("no-")
        return [] if positive == "host" else [f"--{positive}"]
    return [f"--no-{name}"] if f"no-{name}" in (accepted or NEGATIVE) else []
