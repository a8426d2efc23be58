"""A candidate: one assignment of engine settings, under the engine's own flag names."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Setting = bool | int | float | str
"""A value that an engine flag can take; ``None`` is never stored: leave the flag out instead."""


def setting_from(text: str) -> Setting:
    """What `text` looks like: ``true`` and ``false`` are switches, ``2048`` and ``0.5`` numbers."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    number = number_from(text)
    return text if number is None else number


def number_from(text: str) -> int | float | None:
    """The finite number that `text` is, or ``None``."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None


@dataclass(frozen=True, eq=False)
class Candidate:
    """Settings by flag name without dashes, e.g. ``{"batch-size": 2048, "flash-attn": "on"}``.

    A flag that is absent is left to the engine's default. Booleans are switches: ``True`` is
    ``--flag`` and ``False`` is ``--no-flag``, where the engine has one.
    """

    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(sorted(self.settings.items()))))

    def merged(self, other: Mapping[str, Setting]) -> Candidate:
        """This candidate with `other` laid over it."""
        return Candidate({**self.settings, **other})

    @property
    def key(self) -> str:
        """Twelve hex digits that are equal exactly when the settings are."""
        text = json.dumps(dict(self.settings), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        # By key: Python takes True for 1, and an engine does not.
        return isinstance(other, Candidate) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)
