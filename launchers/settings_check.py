"""What was asked against what the engine runs with: a trial of other settings is no measurement.

Engines round some numbers by documented rules (llama.cpp: ``src/llama-context.cpp``); those are
let through. Anything else that differs is named. A setting that was not read back is not compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind, TrialError

Settings = Mapping[str, Setting]
_CTX_STEP = 256


def differences(asked: Settings, effective: Settings) -> tuple[str, ...]:
    """One line for each setting in both that differs beyond the roundings that engines document."""
    names = differing(asked, effective)
    return tuple(f"{n}: asked {asked[n]}, runs with {effective[n]}" for n in names)


def differing(asked: Settings, effective: Settings) -> tuple[str, ...]:
    """The names of the settings that `differences` has a line for."""
    return tuple(n for n in asked if n in effective and not _agrees(n, asked, effective))


def difference(asked: Settings, effective: Settings, lead: str = "") -> Failure | None:
    """The ``SETTINGS_DIFFER`` failure where any setting differs, its message after `lead`."""
    names = differing(asked, effective)
    if not names:
        return None
    text = lead + "; ".join(differences(asked, effective))
    return Failure(FailureKind.SETTINGS_DIFFER, text, settings=names)


def require_same(asked: Settings, effective: Settings) -> None:
    """Raise `TrialError` (``SETTINGS_DIFFER``) when `differences` finds any."""
    failure = difference(asked, effective)
    if failure is not None:
        raise TrialError(failure)


def _agrees(name: str, asked: Settings, effective: Settings) -> bool:
    wanted, actual = asked[name], effective[name]
    if _same(wanted, actual) or (name, _plain(wanted)) in _LEFT_TO_ENGINE:
        return True
    rule = _RULES.get(name)
    return rule is not None and rule(asked, effective)


def _plain(value: Setting) -> str:
    return str(value).lower()


def _same(wanted: Setting, actual: Setting) -> bool:
    """Equal as a flag would be: numbers by value (single precision), switches and text as text."""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (wanted, actual))
    if numbers:
        return math.isclose(float(wanted), float(actual), rel_tol=1e-6)
    switches = {"on": "true", "off": "false"}
    return switches.get(_plain(wanted), _plain(wanted)) == switches.get(
        _plain(actual), _plain(actual)
    )


_LEFT_TO_ENGINE = frozenset(
    {
        ("ctx-size", "0"),
        ("parallel", "-1"),
        ("flash-attn", "auto"),
        ("load-mode", "auto"),
        ("n-gpu-layers", "auto"),
        ("n-gpu-layers", "all"),
        ("n-gpu-layers", "-1"),
        ("attention-backend", "auto"),
        ("block-size", "auto"),
        ("kv-cache-dtype", "auto"),
        ("quantization", "model"),
        ("threads", "-1"),
        ("threads-batch", "-1"),
        ("ubatch-size", "0"),
    }
)
"""Values that ask the engine to decide."""


def _int(settings: Settings, name: str, default: int) -> int:
    value = settings.get(name, default)
    return int(value) if isinstance(value, (int, float)) else default


def _padded(tokens: int) -> int:
    return math.ceil(tokens / _CTX_STEP) * _CTX_STEP


def _context(asked: Settings, effective: Settings) -> bool:
    """Padded to 256; with slots of their own, each slot's share is padded."""
    pool = _padded(_int(asked, "ctx-size", 0))
    slots = max(1, _int(effective, "parallel", _int(asked, "parallel", 1)))
    if not (effective.get("kv-unified") or asked.get("kv-unified")):
        pool = slots * _padded(pool // slots)
    return _int(effective, "ctx-size", -1) == pool


def _batch(asked: Settings, effective: Settings) -> bool:
    """At most the context: the one asked for, or as it was padded."""
    wanted = _int(asked, "batch-size", 0)
    limits = {_int(s, "ctx-size", wanted) for s in (asked, effective)}
    return _int(effective, "batch-size", -1) in {min(wanted, limit) for limit in limits}


def _ubatch(asked: Settings, effective: Settings) -> bool:
    """At most the batch."""
    batch = _int(effective, "batch-size", _int(asked, "batch-size", 0))
    return _int(effective, "ubatch-size", -1) == min(_int(asked, "ubatch-size", 0), batch)


def _layers(asked: Settings, effective: Settings) -> bool:
    """More layers than there are means all of them."""
    return 0 < _int(effective, "n-gpu-layers", -1) < _int(asked, "n-gpu-layers", 0)


def _idle_slots(asked: Settings, effective: Settings) -> bool:
    """Needs the host cache: without it the engine says so and switches it off."""
    return effective.get("cache-idle-slots") is False and effective.get("cache-ram") == 0


def _drafters(asked: Settings, effective: Settings) -> bool:
    """A list: its order is the engine's."""
    wanted, actual = (set(str(s["spec-type"]).split(",")) for s in (asked, effective))
    return wanted == actual


def _full_window(asked: Settings, effective: Settings) -> bool:
    """A model without sliding windows has nothing to keep in full."""
    return effective.get("swa-full") is False


def _quantization(asked: Settings, effective: Settings) -> bool:
    """vLLM takes a faster kernel for the same weights: ``awq`` becomes ``awq_marlin``."""
    return str(effective["quantization"]).startswith(f"{asked['quantization']}_")


_RULES: Mapping[str, Callable[[Settings, Settings], bool]] = {
    "ctx-size": _context,
    "batch-size": _batch,
    "ubatch-size": _ubatch,
    "n-gpu-layers": _layers,
    "cache-idle-slots": _idle_slots,
    "spec-type": _drafters,
    "swa-full": _full_window,
    "quantization": _quantization,
}
