"""Waits until a stopped engine's GPU memory is free again: drivers return it a little later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MIB = 2**20

TIMEOUT_S = 10.0
POLL_S = 0.1

TOLERANCE_BYTES = 256 * MIB
"""A desktop's own share of the card moves by so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryWatch:
    """Reads what is free of a card's memory; ``None`` where the driver does not tell."""

    free_bytes: Callable[[], int | None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    timeout_s: float = TIMEOUT_S

    def missing_bytes(self, before: int | None) -> int | None:
        """Wait until as much is free as `before`, and say what is not back after `timeout_s`.

        0 when all is back; ``None`` where it cannot be told.
        """
        end_s = self.clock() + self.timeout_s
        while before is not None and (free := self.free_bytes()) is not None:
            missing = before - free
            if missing <= TOLERANCE_BYTES:
                return 0
            if self.clock() >= end_s:
                return missing
            self.sleep(POLL_S)
        return None
