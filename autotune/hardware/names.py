"""Card names, compared word by word: a 3090 is not a 3090 Ti, a 4090 is not a 4090 Laptop."""

from __future__ import annotations

import re

_WORD = re.compile(r"[a-z0-9]+")
_SERIES = re.compile(r"^(rtx|gtx|gt|quadro)(\d{3,4}.*)$")
_SUFFIXED = re.compile(r"^(\d{3,4})(tis|ti|super|laptop|mobile|d|s)$")

_NOISE = frozenset({"nvidia", "geforce", "gpu", "graphics", "with", "design", "generation"})
_SAME = {"mobile": "laptop", "notebook": "laptop", "s": "super"}
_ALIASES = {"spark": "gb10", "dgx spark": "gb10", "dgx-spark": "gb10", "dgx": "gb10"}
_VARIANTS = frozenset({"ti", "super", "laptop", "d", "maxq", "mig"})
"""Words that make another card of it: they must be asked for."""
_APPLE_CHIP = re.compile(r"^m\d+$")
_APPLE_VARIANTS = frozenset({"pro", "max", "ultra"})
"""The same of Apple's chips; an RTX PRO is one card whether the word is said or not."""


def words(name: str) -> frozenset[str]:
    """The words of a card's name, or of what a user calls it, in one spelling.

    ``"NVIDIA GeForce RTX 4090 Laptop GPU"`` and ``"rtx4090-laptop"`` give the same.
    """
    text = _ALIASES.get(name.strip().lower(), name).lower().replace("max-q", "maxq")
    split = [part for word in _WORD.findall(text) for part in _parts(word)]
    return frozenset(_SAME.get(word, word) for word in split) - _NOISE


def matches(ask: str, name: str) -> bool:
    """Whether a user who says `ask` means a card called `name`."""
    asked, named = words(ask), words(name)
    return bool(asked) and asked <= named and not (named - asked) & _variants(named)


def resembles(ask: str, name: str) -> bool:
    """Whether `name` has all that was asked for, and something that makes it another card."""
    asked, named = words(ask), words(name)
    return bool(asked) and asked <= named and not matches(ask, name)


def _variants(named: frozenset[str]) -> frozenset[str]:
    apple = any(_APPLE_CHIP.match(word) for word in named)
    return _VARIANTS | _APPLE_VARIANTS if apple else _VARIANTS


def _parts(word: str) -> list[str]:
    """``rtx3090ti`` is three words; ``a100``, ``gb10`` and ``80gb`` are one each."""
    if series := _SERIES.match(word):
        return [series[1], *_parts(series[2])]
    if suffixed := _SUFFIXED.match(word):
        tail = suffixed[2]
        return [suffixed[1], *(("ti", "super") if tail == "tis" else (tail,))]
    return [word]
