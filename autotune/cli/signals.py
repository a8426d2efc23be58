"""SIGINT and SIGTERM while a command runs: who hears them, and what was there comes back."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Any, Protocol


class Stopping(Protocol):
    """Whoever says that a run ends: a display."""

    def stopping(self, at_once: bool = False) -> None:
        """Says so, after what is under way or at once. Called from a signal handler."""
        ...


@contextmanager
def on_stop_signals(told: Callable[[int], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `told` with their number, every time.

    Must be entered in the main thread. The handlers that were there come back at the end.
    """

    def handler(number: int, _: FrameType | None) -> None:
        told(number)

    before: dict[int, Any] = {
        number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def stop_on_signals(stop: Event, display: Stopping) -> Iterator[None]:
    """SIGINT and SIGTERM set `stop`; the next SIGINT raises ``KeyboardInterrupt``, once.

    Later ones are ignored: they would interrupt the stopping of the engine, which is bounded in
    time. Must be entered in the main thread.
    """
    forced = Event()

    def told(number: int) -> None:
        if number == signal.SIGINT and stop.is_set():
            if not forced.is_set():
                forced.set()
                display.stopping(at_once=True)
                raise KeyboardInterrupt
        elif not stop.is_set():
            stop.set()
            display.stopping()

    with on_stop_signals(told):
        yield
