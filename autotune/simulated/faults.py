"""Faults put in on purpose: memory that is short in a part of the space, hangs and crashes.

Which configs run out of memory is decided by their settings, once and for all. Hangs and crashes
come at random, so the same config may do well the next time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.simulated.short_memory import ShortMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Shares from 0 to 1.

    Attributes:
        out_of_memory: of all configs, those that run out of memory: half of them at the start,
            half when their context fills. Which ones nothing tells beforehand.
        short: likewise those whose flags ask for too much memory, which can be learnt.
        hang: of all measurements, those that hang, which costs `timeout_s`.
        crash: of all measurements, those that crash in the middle.
        spared: settings of which a config that has them all (the default) never fails.
    """

    out_of_memory: float = 0.0
    short: ShortMemory | None = None
    hang: float = 0.0
    crash: float = 0.0
    timeout_s: float = 600.0
    spared: Mapping[str, Setting] | None = None


NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one measurement: `at` is the turn it strikes, ``None`` before the first."""

    failure: Failure
    at: int | None
    takes_s: float = 0.0


def fault(
    faults: Faults, key: str, settings: Mapping[str, Setting], run: str, seed: int, turns: int
) -> Fault | None:
    """What befalls the config `key` in the run called `run` over `turns` turns."""
    if not turns or _is_spared(faults, settings):
        return None
    chance = _unit("memory", seed, key)
    if chance < faults.out_of_memory:
        return _out_of_memory(chance < faults.out_of_memory / 2, turns)
    if faults.short is not None and faults.short.is_short(settings):
        return _out_of_memory(chance < 0.5, turns)
    return _at_random(faults, _unit("run", seed, key, run), turns)


def _out_of_memory(at_start: bool, turns: int) -> Fault:
    if at_start:
        words = "injected: not enough memory to start"
        return Fault(Failure(FailureKind.OUT_OF_MEMORY, words), None)
    words = "injected: not enough memory with the context filled"
    return Fault(Failure(FailureKind.OUT_OF_MEMORY, words), turns * 2 // 3)


def _at_random(faults: Faults, chance: float, turns: int) -> Fault | None:
    middle = int(chance * 1e9) % turns
    if chance < faults.hang:
        failure = Failure(FailureKind.HANG, "injected: no token came")
        return Fault(failure, middle, faults.timeout_s)
    if chance < faults.hang + faults.crash:
        return Fault(Failure(FailureKind.CRASH, "injected: the engine died"), middle)
    return None


def _is_spared(faults: Faults, settings: Mapping[str, Setting]) -> bool:
    spared = faults.spared
    return spared is not None and all(settings.get(n) == v for n, v in spared.items())


def _unit(*names: object) -> float:
    text = "\n".join(str(name) for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
