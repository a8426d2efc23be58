"""Messages reshaped for chat templates that refuse them, so that every prefix stays stable.

Rules of ``plain``, each counted under its name:

======================  =====================================================================
``tool-result``         a tool message becomes a user message in ``<tool_response>`` marks
``tool-call``           calls become ``<tool_call>`` text behind the assistant's words, the
                        arguments character for character as they were
``tool-definitions``    definitions become ``<tools>`` text at the end of the system message
``late-system``         a system message that is not the first becomes a user message
``unknown-role``        a role that templates do not know becomes a user message
``content-parts``       a list of parts becomes its text; an image becomes ``[image]``
``no-content``          a content that is null or absent becomes the empty string
======================  =====================================================================

``alternating`` adds ``leading-system`` (the first system message becomes a user message) and
``bridge`` (a short fixed message between two of the same role).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.replay.chunks import REASONING_KEYS, child, text_of
from autotune.replay.endpoint import Rendering
from autotune.replay.nonce import SYSTEM_ROLES
from autotune.workload.model import Message

BRIDGES = {"user": "Understood.", "assistant": "Continue."}
"""Said by the other role when the role that is the key would speak twice."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is sent. `rewrites` counts what was rewritten, by the names above."""

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...]
    rewrites: Mapping[str, int] = field(default_factory=dict)


def render(
    messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], rendering: Rendering
) -> Rendered:
    """`messages` and `tools` in the shape that `rendering` names.

    Rendering a prompt and then a longer one that begins with it gives the same leading messages.
    """
    if rendering is Rendering.NATIVE:
        return Rendered(tuple(messages), tuple(tools))
    rewrites: Counter[str] = Counter()
    plain = _plain(messages, tools, rewrites)
    if rendering is Rendering.ALTERNATING:
        plain = _alternating(plain, rewrites)
    return Rendered(tuple(plain), (), dict(rewrites))


def _plain(
    messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], rewrites: Counter[str]
) -> Iterator[Message]:
    rest = list(messages)
    has_system = bool(rest) and rest[0].get("role") in SYSTEM_ROLES
    if has_system or tools:
        first = rest.pop(0) if has_system else {"content": ""}
        yield {"role": "system", "content": _system_text(first, tools, rewrites)}
    for message in rest:
        yield _plain_message(message, rewrites)


def _system_text(
    message: Message, tools: Sequence[Mapping[str, Any]], rewrites: Counter[str]
) -> str:
    text = _content(message, rewrites)
    if not tools:
        return text
    rewrites["tool-definitions"] += 1
    lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    return "\n\n".join(filter(None, [text, f"<tools>\n{lines}\n</tools>"]))


def _plain_message(message: Message, rewrites: Counter[str]) -> Message:
    role, text = str(message.get("role", "")), _content(message, rewrites)
    if role == "assistant":
        return _plain_assistant(message, text, rewrites)
    if role == "user":
        return {"role": "user", "content": text}
    if role in ("tool", "function"):
        rewrites["tool-result"] += 1
        return {"role": "user", "content": f"<tool_response>\n{text}\n</tool_response>"}
    rewrites["late-system" if role in SYSTEM_ROLES else "unknown-role"] += 1
    mark = "system" if role in SYSTEM_ROLES else "message"
    return {"role": "user", "content": f"<{mark}>\n{text}\n</{mark}>"}


def _plain_assistant(message: Message, text: str, rewrites: Counter[str]) -> Message:
    calls = message.get("tool_calls") or ()
    if calls:
        rewrites["tool-call"] += len(calls)
    plain = {
        "role": "assistant",
        "content": "\n".join(filter(None, [text, *map(call_text, calls)])),
    }
    return plain | {key: message[key] for key in REASONING_KEYS if message.get(key)}


def call_text(call: Mapping[str, Any]) -> str:
    """A call as text. Arguments stay the original string: written anew they are other tokens."""
    function = child(call, "function")
    name = json.dumps(text_of(function, "name"), ensure_ascii=False)
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f'<tool_call>\n{{"name": {name}, "arguments": {text}}}\n</tool_call>'


def _content(message: Message, rewrites: Counter[str]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        rewrites["content-parts"] += 1
        return "\n".join(map(part_text, content))
    rewrites["no-content"] += 1
    return "" if content is None else json.dumps(content, ensure_ascii=False)


def part_text(part: object) -> str:
    """A part of a content as text; what is not text by its kind, as ``[image]``."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return json.dumps(part, ensure_ascii=False)
    text = part.get("text")
    kind = str(part.get("type", "part")).removesuffix("_url").removeprefix("input_")
    return text if isinstance(text, str) else f"[{kind}]"


def _alternating(messages: Iterator[Message], rewrites: Counter[str]) -> Iterator[Message]:
    last = "assistant"  # templates want the first message from the user
    for message in messages:
        shown = message
        if message["role"] == "system":
            rewrites["leading-system"] += 1
            shown = {"role": "user", "content": f"<system>\n{message['content']}\n</system>"}
        role = shown["role"]
        if role == last:
            rewrites["bridge"] += 1
            yield {"role": _other(role), "content": BRIDGES[role]}
        yield shown
        last = role


def _other(role: str) -> str:
    return "assistant" if role == "user" else "user"
