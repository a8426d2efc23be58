"""A path that answers: where to send its turns, and what is to be written down about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.launchers.failure import Failure
from autotune.paths.prices import Prices
from autotune.replay.endpoint import Endpoint


def no_failure() -> Failure | None:
    """For servers whose log is not ours to read."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One path, ready. `facts` are plain data for the table; `why_dead` explains a crash."""

    endpoint: Endpoint
    facts: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    prices: Prices | None = None
    why_dead: Callable[[], Failure | None] = field(default=no_failure)
