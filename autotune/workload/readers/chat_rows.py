"""Conversations that stand in one row: what training sets and multi-turn benchmarks are made of.

``{messages: [...]}`` with or without an ``id``, as vLLM's multi-turn benchmark and chat data sets
write them, and ShareGPT's ``{conversations: [{from, value}]}``. Every assistant message is the
reply to the prompt before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from autotune.workload.model import Message, PromptFidelity, Session
from autotune.workload.prefix import canonical
from autotune.workload.readers.checks import mapping, text, unpacked
from autotune.workload.readers.message_store import check_writable
from autotune.workload.readers.openai_shape import chat_messages, chat_params, chat_tools
from autotune.workload.readers.rebuild import SessionBuilder

_SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "system": "system",
    "tool": "tool",
    "function_response": "tool",
    "observation": "tool",
    "function_call": "assistant",
}
_REQUEST_KEYS = frozenset({"model", "response", "response_body", "response_json"})
_ID_KEYS = ("id", "conversation_id", "uuid")


def is_row(line: Mapping[str, Any]) -> bool:
    """Whether `line` is a whole conversation, and not one request of it.

    A request names its model, or has its response beside it; a row has an id, or ends on the last
    reply.
    """
    if is_sharegpt(line):
        return True
    messages = line.get("messages")
    if not isinstance(messages, list) or not messages or line.keys() & _REQUEST_KEYS:
        return False
    ends_on_reply = mapping(messages[-1]).get("role") == "assistant"
    return ends_on_reply or any(_id(line.get(key)) for key in _ID_KEYS)


def is_sharegpt(line: Mapping[str, Any]) -> bool:
    """Whether `line` has ShareGPT's list of what was said."""
    said = line.get("conversations")
    return isinstance(said, list) and bool(said) and {"from", "value"} <= mapping(said[0]).keys()


def row_session(row: Mapping[str, Any], number: int, name: str, digest: str) -> Session | None:
    """The session of a row, ``None`` when nobody replied in it. Raises `ValueError`.

    `name` is the format's, `digest` the file's, `number` the row's line or place.
    """
    messages = _sharegpt_messages(row) if is_sharegpt(row) else chat_messages(row)
    tools = chat_tools({"tools": unpacked(row.get("tools")) or None})
    params = chat_params(row)
    for part in (messages, tools, params):
        check_writable(part)
    own = next((known for key in _ID_KEYS if (known := _id(row.get(key)))), None)
    builder = SessionBuilder(
        own or f"{name}-{_hash(messages)}", name, digest, tools=tuple(tools), params=params
    )
    for message in messages:
        if message["role"] == "assistant":
            builder.request(line=number, response=message, fidelity=PromptFidelity.EXACT)
        builder.say(message)
    return builder.session()


def _id(value: Any) -> str | None:
    """A row's id: text, or a number that is written as text."""
    return str(value) if type(value) is int and abs(value) < 2**63 else text(value)


def _hash(messages: Sequence[Message]) -> str:
    """Twelve hexadecimal digits of the conversation's first messages, up to the first reply."""
    total = hashlib.sha256()
    for message in messages:
        if message["role"] == "assistant":
            break
        total.update(canonical(message))
    return total.hexdigest()[:12]


def _sharegpt_messages(row: Mapping[str, Any]) -> list[Message]:
    messages: list[Message] = []
    if system := text(row.get("system")):
        messages.append({"role": "system", "content": system})
    for said in row["conversations"]:
        role = _SHAREGPT_ROLES.get(str(mapping(said).get("from")).lower())
        value = mapping(said).get("value")
        if role is None or not isinstance(value, str):
            raise ValueError("conversations: who or what is missing")
        messages.append({"role": role, "content": value})
    return messages
