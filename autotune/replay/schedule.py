"""Which turn is sent next: the plan's order, as far as sessions allow it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from autotune.replay.plan import PlannedTurn


class Schedule:
    """Hands out turns to any number of threads.

    `take` gives the earliest turn of the plan whose session has no request in flight, so one
    taker gets exactly the plan's order, and the turns of a session never overlap. No other turn is
    handed out before the first `probe_turns` have been released.
    """

    def __init__(self, turns: Sequence[PlannedTurn], probe_turns: int = 0) -> None:
        self._waiting = {planned.order: planned for planned in turns}
        self._probing = {planned.order for planned in turns[:probe_turns]}
        self._busy: set[str] = set()
        self._changed = threading.Condition()

    def take(self) -> PlannedTurn | None:
        """The next turn, waiting for one to be free; ``None`` when none is left."""
        with self._changed:
            while self._waiting:
                if (planned := self._free()) is not None:
                    del self._waiting[planned.order]
                    self._busy.add(planned.turn.session_id)
                    return planned
                self._changed.wait()
            return None

    def release(self, planned: PlannedTurn) -> None:
        """The turn ended: its session may go on."""
        with self._changed:
            self._busy.discard(planned.turn.session_id)
            self._probing.discard(planned.order)
            self._changed.notify_all()

    def drop(self, session_id: str | None = None) -> list[PlannedTurn]:
        """Take out every waiting turn of a session, or of all: they will not be sent."""
        with self._changed:
            waiting = self._waiting.values()
            chosen = [p for p in waiting if session_id in (None, p.turn.session_id)]
            for planned in chosen:
                del self._waiting[planned.order]
                self._probing.discard(planned.order)
            self._changed.notify_all()
            return chosen

    def _free(self) -> PlannedTurn | None:
        waiting = [
            p for p in self._waiting.values() if not self._probing or p.order in self._probing
        ]
        return next((p for p in waiting if p.turn.session_id not in self._busy), None)
