"""The displays of a run: each takes events, and one of them is chosen."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from autotune.report.json_lines import JsonDisplay
from autotune.report.plain import PlainDisplay

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.report.state import Clock
    from autotune.search.events import Event


class RunDisplay(Protocol):
    """A listener that is open while the run lasts."""

    def __enter__(self) -> Self:
        """Begins to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the terminal as it was."""
        ...

    def __call__(self, event: Event) -> None:
        """Shows one event; never raises."""
        ...

    def stopping(self, at_once: bool = False) -> None:
        """Says that the run ends, after this trial or at once. Called from a signal handler."""
        ...


class SilentDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Drops the event."""

    def stopping(self, at_once: bool = False) -> None:
        """Says nothing."""


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
        return SilentDisplay()
    if kind == "plain" or (kind == "auto" and (not err.is_terminal or err.is_dumb_terminal)):
        return PlainDisplay(err.file, clock)
    from autotune.report.live import LiveDisplay

    return LiveDisplay(err, clock)
