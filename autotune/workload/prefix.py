"""What consecutive prompts share, worked out once: common prefixes, sizes and hashes."""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from autotune.workload.model import Message


class Hash(Protocol):
    """The part of a :mod:`hashlib` object that is used here."""

    def update(self, data: bytes, /) -> None:
        """Add `data`."""

    def copy(self) -> Self:
        """A second hash with the same state."""

    def hexdigest(self) -> str:
        """The hash so far, in hexadecimal."""


def identical(left: Any, right: Any) -> bool:
    """Whether two JSON values are written alike: same types and same key order, unlike ``==``."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(identical(left[k], right[k]) for k in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(identical, left, right))
    return bool(left == right)


def common_prefix(before: Sequence[Any], after: Sequence[Any]) -> int:
    """How many items the two share from the start, compared by `identical`."""
    shared = 0
    for left, right in zip(before, after, strict=False):
        if not identical(left, right):
            break
        shared += 1
    return shared


def shared_objects(before: Sequence[Any], after: Sequence[Any]) -> int:
    """How many items from the start are the very same objects (never compares text)."""
    same = bytes(map(operator.is_, before, after))
    other = same.find(0)
    return len(same) if other < 0 else other


def shared_chain(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many items two chains share from the start; equal at one place is equal before it.

    Each item of a chain stands for everything up to it, so halving finds where two part.
    """
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[middle - 1] == other[middle - 1]:
            low = middle
        else:
            high = middle - 1
    return low


def canonical(value: Any, *, sort_keys: bool = False) -> bytes:
    """Compact ASCII JSON. Key order is kept unless `sort_keys`, since it changes tokens."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=sort_keys)
    return text.encode("ascii")


class PromptHasher:
    """SHA-256 of prompts, extended message by message.

    The hash covers the tools, then each message, each as compact JSON with its own key order
    and a newline. Turns of a session that share message objects cost their new messages only.
    """

    def __init__(self) -> None:
        self._tools: Sequence[Mapping[str, Any]] | None = None
        self._messages: tuple[Message, ...] = ()
        self._states: list[Hash] = []

    def digest(self, tools: Sequence[Mapping[str, Any]], messages: Sequence[Message]) -> str:
        """``sha256:...`` of one prompt."""
        if self._tools is None or not identical(self._tools, tools):
            self._restart(tools)
        shared = shared_objects(self._messages, messages)
        del self._states[shared + 1 :]
        for message in messages[shared:]:
            self._append(message)
        self._messages = tuple(messages)
        return f"sha256:{self._states[-1].hexdigest()}"

    def _restart(self, tools: Sequence[Mapping[str, Any]]) -> None:
        first = hashlib.sha256(canonical(list(tools)) + b"\n")
        self._tools, self._messages, self._states = tools, (), [first]

    def _append(self, message: Message) -> None:
        state = self._states[-1].copy()
        state.update(canonical(message) + b"\n")
        self._states.append(state)
