"""Events as JSON lines, for programs."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any, Self, TextIO

from autotune.search.events import Event

SCHEMA_VERSION = "event/1"

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def event_object(event: Event) -> dict[str, Any]:
    """``TrialFinished`` as ``{"event": "trial_finished", ...}``; absent is null."""
    name = _HUMP.sub("_", type(event).__name__).lower()
    return {"schema_version": SCHEMA_VERSION, "event": name, **asdict(event)}


class JsonDisplay:
    """One event a line on `stream`, flushed. A reader that went away ends the output, not the run.

    The study is on disk whether or not anybody reads along.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Writes one line."""
        if self._stream is None:
            return
        try:
            self._stream.write(json.dumps(event_object(event), ensure_ascii=False) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._stream = None

    def stopping(self, at_once: bool = False) -> None:
        """Says nothing: the summary event carries the exit code."""
