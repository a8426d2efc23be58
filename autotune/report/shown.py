"""What every display of progress has in common: a run's, a crew's, a cluster's, a comparison's."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import UnsupportedOperation
from typing import IO, TYPE_CHECKING, Any, Generic, Protocol, Self, TextIO, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

Progress = TypeVar("Progress", contravariant=True)


class Shown(Protocol[Progress]):
    """Takes progress while it is open; leaves the terminal as it was."""

    def __enter__(self) -> Self:
        """Begins to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends showing."""
        ...

    def __call__(self, progress: Progress, /) -> None:
        """Shows one thing; never raises."""
        ...

    def stopping(self, at_once: bool = False) -> None:
        """Says that the run ends, politely or at once. Called from a signal handler."""
        ...


class Silence:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, progress: object, /) -> None:
        """Drops it."""

    def stopping(self, at_once: bool = False) -> None:
        """Says nothing."""


class JsonLines(Generic[Progress]):
    """One object a line on `stream`, flushed. A reader that went away ends the output, not the run.

    The study is on disk whether or not anybody reads along.
    """

    def __init__(self, stream: TextIO, to_object: Callable[[Progress], Mapping[str, Any]]) -> None:
        self._stream: TextIO | None = stream
        self._to_object = to_object

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, progress: Progress, /) -> None:
        """Writes one line."""
        if self._stream is None:
            return
        line = json.dumps(self._to_object(progress), ensure_ascii=False)
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except BrokenPipeError:
            self._stream = None

    def stopping(self, at_once: bool = False) -> None:
        """Says nothing: the last line carries the exit code."""


def write_at_once(stream: IO[str], text: str) -> None:
    """One line, written past Python's buffers: for a signal handler."""
    with suppress(OSError, UnsupportedOperation, ValueError):
        os.write(stream.fileno(), f"{text}\n".encode())


def is_live(kind: str, err: Console) -> bool:
    """Whether display `kind` (``auto``, ``rich``, ``plain``, ``none``) moves on the console `err`:
    ``auto`` does on a terminal that can, and not where stderr goes to a file or a pipe."""
    return kind == "rich" or (kind == "auto" and err.is_terminal and not err.is_dumb_terminal)
