"""A recording that runs in a thread, for tests of what it passes on and writes down."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.recording.app import Recording
from autotune.recording.events import Event, Notice, NotRecorded, Stopped, TurnWritten
from autotune.workload.load import load_workload
from autotune.workload.model import Session

WAIT_S = 20.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Poll until `condition` holds."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, f"never happened: {what}"
        time.sleep(0.005)


@dataclass
class Proxy:
    """A recording that runs in a thread of its own."""

    recording: Recording
    folder: Path
    events: list[Event] = field(default_factory=list)
    stopped: Stopped | None = None
    told: bool = False

    def start(self) -> Proxy:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        self.stopped = self.recording.run(self._hear)

    def _hear(self, event: Event | None) -> None:
        if event is not None:
            self.events.append(event)

    @property
    def url(self) -> str:
        return self.recording.url

    def tell_to_stop(self) -> None:
        self.told = True
        self.recording.stop()

    def stop(self) -> Stopped:
        """Stops it and waits for all that was written."""
        if not self.told:
            self.tell_to_stop()
        self._thread.join()
        assert self.stopped is not None
        return self.stopped

    def turns(self) -> list[TurnWritten]:
        return [event for event in self.events if isinstance(event, TurnWritten)]

    def lost(self) -> list[NotRecorded]:
        return [event for event in self.events if isinstance(event, NotRecorded)]

    def notices(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Notice)]

    def settled(self, count: int) -> None:
        """Waits until `count` requests are written or told of as lost."""
        until(lambda: len(self.turns()) + len(self.lost()) >= count, f"{count} recorded")

    def sessions(self) -> tuple[Session, ...]:
        """The capture, read back without any damage."""
        workload = load_workload(self.folder)
        assert [d for d in workload.damage if not d.harmless] == []
        return workload.sessions

    def lines(self) -> list[dict[str, Any]]:
        """Every line of every file."""
        paths = sorted(self.folder.glob("*.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def chat_body(*messages: str, **more: Any) -> dict[str, Any]:
    """A chat body; user and assistant take turns."""
    roles = ("user", "assistant")
    said = [{"role": roles[at % 2], "content": text} for at, text in enumerate(messages)]
    return {"model": "m", "stream": True, "messages": said, **more}
