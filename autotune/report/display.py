"""The displays of a run: each takes events, and one of them is chosen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from autotune.report.json_lines import JsonDisplay
from autotune.report.plain import PlainDisplay
from autotune.report.shown import Shown, Silence, is_live
from autotune.search.events import Event

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.report.state import Clock

RunDisplay = Shown[Event]
"""A listener that is open while the run lasts."""


def choose_display(
    kind: str, err: Console, json_to: TextIO | None = None, clock: Clock = time.monotonic
) -> RunDisplay:
    """The display `kind` (``auto``, ``rich``, ``plain``, ``none``) on the stderr console `err`.

    With `json_to` events go there as JSON lines, and nothing to stderr unless asked by name.
    ``auto`` is ``rich`` on a terminal and ``plain`` when stderr goes to a file or a pipe.
    """
    if json_to is not None:
        return JsonDisplay(json_to)
    if kind == "none":
        return Silence()
    if not is_live(kind, err):
        return PlainDisplay(err.file, clock)
    from autotune.report.live import LiveDisplay

    return LiveDisplay(err, clock)
