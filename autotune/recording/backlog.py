"""Ended requests on their way to the writer's thread: bounded, and never waited for."""

from __future__ import annotations

from collections import deque
from threading import Condition

from autotune.recording.exchange import Exchange

MAX_EXCHANGES = 512
MAX_BYTES = 512 * 1024 * 1024


class Backlog:
    """A queue that refuses what it cannot hold. One thread offers, one takes."""

    def __init__(self, max_exchanges: int = MAX_EXCHANGES, max_bytes: int = MAX_BYTES) -> None:
        self._limits = (max_exchanges, max_bytes)
        self._waiting: deque[Exchange] = deque()
        self._held_bytes = 0
        self._changed = Condition()
        self._closed = False

    def offer(self, exchange: Exchange) -> bool:
        """Takes `exchange` in; false where there is no room for it, or nobody to take it out."""
        size = exchange.held_bytes
        with self._changed:
            items, held = len(self._waiting) + 1, self._held_bytes + size
            if self._closed or items > self._limits[0] or held > self._limits[1]:
                return False
            self._waiting.append(exchange)
            self._held_bytes = held
            self._changed.notify()
        return True

    def take(self, timeout_s: float) -> Exchange | None:
        """The one that waits longest; ``None`` when none came in time."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(timeout_s)
            if not self._waiting:
                return None
            exchange = self._waiting.popleft()
            self._held_bytes -= exchange.held_bytes
            return exchange

    def close(self) -> None:
        """Nothing more is taken in; what waits can still be taken out."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    @property
    def done(self) -> bool:
        """Whether it is closed and empty."""
        with self._changed:
            return self._closed and not self._waiting
