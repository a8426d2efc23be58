"""A mark at the very front of the system prompt that keeps one trial off another's cache.

A server that outlives a trial, a cache on disk and a hosted endpoint all remember prompts. Two
trials whose prompts differ from the first token on share nothing there. The mark has the same
shape for every trial, so it costs each the same tokens: sixteen decimal digits, each with a
space before it. Tokenizers split such text into the same number of tokens whatever the digits
are: those with one token a digit, those that group up to three digits (the spaces prevent it)
and those with a token for a space and a digit.

A chat template that renders tool definitions before the system prompt puts them in front of the
mark; there the definitions can still be found in a cache that outlives the trial.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from autotune.workload.model import Message

DIGITS = 16
SYSTEM_ROLES = ("system", "developer")


def make_nonce(seed: int, arm: str, block: int) -> str:
    """The mark of one trial: the same for the same study seed, arm and block."""
    name = f"{seed}\n{arm}\n{block}".encode()
    number = int.from_bytes(hashlib.sha256(name).digest(), "big")
    return " ".join(f"{number % 10**DIGITS:0{DIGITS}d}")


def with_nonce(messages: Sequence[Message], nonce: str) -> tuple[Message, ...]:
    """`messages` with the mark in front; an empty `nonce` changes nothing.

    It is put before the text of a leading system message; where there is none, one is inserted.
    """
    if not nonce:
        return tuple(messages)
    if not messages or messages[0].get("role") not in SYSTEM_ROLES:
        return ({"role": "system", "content": nonce}, *messages)
    first = messages[0]
    return ({**first, "content": _prefixed(first.get("content"), nonce)}, *messages[1:])


def _prefixed(content: object, nonce: str) -> object:
    if isinstance(content, list | tuple):
        return [{"type": "text", "text": f"{nonce}\n\n"}, *content]
    return f"{nonce}\n\n{content}" if content else nonce
