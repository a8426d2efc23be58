"""Which of two configs takes no less memory, by their settings alone.

Sizes may be wrong, and what a driver or a kernel takes besides is not known. That more context,
more slots, larger batches and wider cache values never take less is known. So one config that ran
out of memory rules out every other one that asks for at least as much of everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autotune.candidate import Setting

Settings = Mapping[str, Setting]


class Side(StrEnum):
    """Whose memory ran out."""

    DEVICE = "device"
    HOST = "host"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryOrder:
    """What is known of one engine's flags.

    Attributes:
        grows: numbers of which more takes no less, everything else equal; 0 and below leave it to
            the engine.
        host: numbers of which more takes more of the host and nothing of the GPU; below 0 is
            without end.
        sizes: words by what they take, in any unit that orders them.
        device: flags of which more takes more of the GPU and less of the host (1), or the other
            way round (-1): compared only where it is known whose memory ran out.
        harmless: flags that change no memory.
        extras: flags that add a part which is off at one of their values: that value, and how the
            names of the part's own flags begin (or are).
    """

    grows: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    sizes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    device: Mapping[str, int] = field(default_factory=dict)
    harmless: frozenset[str] = frozenset()
    extras: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def more(
        self, settings: Settings, known: Settings, side: Side = Side.UNKNOWN, but: str = ""
    ) -> tuple[str, ...] | None:
        """The flags in which `settings` asks for more memory than `known`.

        ``None`` where it may take less of what ran out on `side`. `but` is a flag that is not
        compared.
        """
        left_out = {but, *self.harmless, *self._extras_of(settings, known)}
        above = []
        for name in sorted({*settings, *known} - left_out):
            order = self._compare(name, settings.get(name), known.get(name), side)
            if order is None or order < 0:
                return None
            if order > 0:
                above.append(name)
        return tuple(above)

    def _extras_of(self, settings: Settings, known: Settings) -> Iterator[str]:
        """Flags of parts that `known` does without: with them it takes no less."""
        for name, (off, prefixes) in self.extras.items():
            if _word(known.get(name, off)) == off:
                yield name
                yield from (n for n in {*settings, *known} if n.startswith(prefixes))

    def _compare(
        self, name: str, one: Setting | None, other: Setting | None, side: Side
    ) -> float | None:
        """Above 0 where `one` takes more; ``None`` where that is not known."""
        if _word(one) == _word(other):
            return 0.0
        if name in self.grows:
            return _difference(_positive(one), _positive(other))
        if name in self.host:
            return 0.0 if side is Side.DEVICE else _difference(_limit(one), _limit(other))
        if name in self.sizes:
            sizes = self.sizes[name]
            return _difference(sizes.get(_word(one)), sizes.get(_word(other)))
        if name in self.device and side is not Side.UNKNOWN:
            toward = self.device[name] if side is Side.DEVICE else -self.device[name]
            found = _difference(_layers(one), _layers(other))
            return None if found is None else toward * found
        return None


def _difference(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return None
    return float(one > other) - float(one < other)


def _number(value: Setting | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _positive(value: Setting | None) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _limit(value: Setting | None) -> float | None:
    number = _number(value)
    return math.inf if number is not None and number < 0 else number


def _layers(value: Setting | None) -> float | None:
    """How many, switches as 0 and 1; ``None`` where the engine is left to decide."""
    if value == "all":
        return math.inf
    number = _number(value)
    return number if number is not None and number >= 0 else None


def _word(value: Setting | None) -> str:
    return str(value).lower()
