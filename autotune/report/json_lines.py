"""Events as JSON lines, for programs."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, TextIO

from autotune.report.shown import JsonLines
from autotune.search.events import Event

SCHEMA_VERSION = "event/1"

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def event_object(event: Event) -> dict[str, Any]:
    """``TrialFinished`` as ``{"event": "trial_finished", ...}``; absent is null."""
    name = _HUMP.sub("_", type(event).__name__).lower()
    return {"schema_version": SCHEMA_VERSION, "event": name, **asdict(event)}


class JsonDisplay(JsonLines[Event]):
    """Events of a run on `stream`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, event_object)
