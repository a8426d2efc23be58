"""Large JSON read in small steps, so that nothing on the event loop waits for it.

Python's decoder holds the interpreter for as long as it runs: several milliseconds for a deep
prompt, in which no piece of another reply is passed on. Read element by element, with a pause
now and then, the longest hold is that of one message.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from json.decoder import WHITESPACE  # type: ignore[attr-defined]  # absent from its stub
from typing import Any

from autotune.workload.lines import refuse_constant

Pause = Callable[[], None]

PAUSE_S = 50e-6
"""Long enough for the event loop's thread to wake up and take the interpreter."""

STEP_CHARS = 32 * 1024
"""Text between two pauses: read in about 0.1 ms."""

_DECODER = json.JSONDecoder(parse_constant=refuse_constant)


def pause() -> None:
    """Lets the event loop go first."""
    time.sleep(PAUSE_S)


def load_object(text: str, rest: Pause = pause) -> dict[str, Any]:
    """The JSON object that `text` is; the same as `json.loads`, in steps.

    Raises:
        ValueError: it is not JSON, or no object.
    """
    reader = _Reader(text, rest)
    value = reader.members() if text[reader.at : reader.at + 1] == "{" else reader.value()
    reader.end()
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is expected, not {type(value).__name__}")
    return value


class _Reader:
    """A position in a text. Only the outer object and arrays in it are read in steps."""

    def __init__(self, text: str, rest: Pause) -> None:
        self._text = text
        self._rest = rest
        self._rested_at = 0
        self.at = 0
        self._skip()

    def members(self) -> dict[str, Any]:
        """The object that begins here."""
        found: dict[str, Any] = {}
        if self._opens_empty("}"):
            return found
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self._unexpected()
            self._take(":")
            found[key] = self._elements() if self._next() == "[" else self.value()
            if not self._goes_on("}"):
                return found

    def _elements(self) -> list[Any]:
        found: list[Any] = []
        if self._opens_empty("]"):
            return found
        while True:
            found.append(self.value())
            if not self._goes_on("]"):
                return found

    def value(self) -> Any:
        """The value that begins here, in one step."""
        value, self.at = _DECODER.raw_decode(self._text, self.at)
        self._skip()
        if self.at - self._rested_at >= STEP_CHARS:
            self._rested_at = self.at
            self._rest()
        return value

    def end(self) -> None:
        """Nothing may follow."""
        if self.at != len(self._text):
            raise self._unexpected()

    def _opens_empty(self, close: str) -> bool:
        self._take(self._next())
        if self._next() != close:
            return False
        self._take(close)
        return True

    def _goes_on(self, close: str) -> bool:
        """Whether another item follows; else `close` is taken."""
        if self._next() == ",":
            self._take(",")
            return True
        self._take(close)
        return False

    def _next(self) -> str:
        return self._text[self.at : self.at + 1]

    def _take(self, mark: str) -> None:
        if not mark or self._next() != mark:
            raise self._unexpected()
        self.at += 1
        self._skip()

    def _skip(self) -> None:
        self.at = WHITESPACE.match(self._text, self.at).end()

    def _unexpected(self) -> ValueError:
        return json.JSONDecodeError("unexpected", self._text, self.at)
