"""Messages of a log kept once: requests repeat nearly all of the prompt before them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Message
from autotune.workload.prefix import canonical
from autotune.workload.rendered import rendered_text

MAX_NESTING = 100
"""JSON below this depth: what is deeper comes from no agent, and would not be written again."""


SYSTEM_ROLES = ("system", "developer")

_MOVING = re.compile(r"\b[0-9a-f]{8,}\b|\d+|\b[AP]M\b")


@dataclass(frozen=True, slots=True)
class Stored:
    """One message of the store.

    Messages that render to the same text have the same `number`, however their JSON is written;
    system messages also when they differ in times and counts only, since a clock in the system
    prompt makes no other conversation. `chars` is the length of the text.
    """

    message: Message
    number: int
    chars: int


@dataclass(slots=True)
class MessageStore:
    """Every different message once, by the hash of its JSON with its own key order."""

    _stored: dict[bytes, Stored] = field(default_factory=dict)
    _numbers: dict[bytes, int] = field(default_factory=dict)
    _values: dict[bytes, Any] = field(default_factory=dict)

    def message(self, message: Message) -> Stored:
        """The store's own object for `message`, at the cost of one pass over its text.

        Raises `ValueError` when it cannot be written again.
        """
        digest = _digest(message)
        known = self._stored.get(digest)
        if known is None:
            check_writable(message)
            text = rendered_text(message)
            key = _hash(_MOVING.sub("0", text) if message.get("role") in SYSTEM_ROLES else text)
            number = self._numbers.setdefault(key, len(self._numbers))
            known = self._stored[digest] = Stored(message, number, len(text))
        return known

    def tools(self, tools: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        """The store's own tuple of these tools. Raises `ValueError` as `message` does."""
        return tuple(self._value(list(tools))) if tools else ()

    def params(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The store's own object of these parameters. Raises `ValueError` as `message` does."""
        found: Mapping[str, Any] = self._value(dict(params))
        return found

    def _value(self, value: Any) -> Any:
        digest = _digest(value)
        if digest not in self._values:
            check_writable(value)
            self._values[digest] = tuple(value) if isinstance(value, list) else value
        return self._values[digest]


def _digest(value: Any) -> bytes:
    try:
        return hashlib.blake2b(canonical(value), digest_size=16).digest()
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def check_writable(value: Any, left: int = MAX_NESTING) -> None:
    """Raises `ValueError` when `value` has more than `left` levels or holds an endless number."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that JSON does not have")
    if not isinstance(value, (dict, list, tuple)):
        return
    if left == 0:
        raise ValueError("nested too deeply")
    for item in value.values() if isinstance(value, dict) else value:
        check_writable(item, left - 1)
