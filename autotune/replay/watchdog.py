"""A deadline that can be moved while a thread is blocked on a socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

_TICK_S = 0.5


class Watchdog:
    """Calls `expire` once when the clock passes `deadline_s`, unless the block ended before.

    Moving the deadline is one attribute write, cheap enough for every chunk of a stream. It is
    looked at every half second at the latest.
    """

    def __init__(self, deadline_s: float, expire: Callable[[], None]) -> None:
        self.deadline_s = deadline_s
        self.expired = False
        self._expire = expire
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="replay-watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while (left_s := self.deadline_s - time.perf_counter()) > 0:
            if self._ended.wait(min(left_s, _TICK_S)):
                return
        self.expired = True
        self._expire()
