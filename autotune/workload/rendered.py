"""Prompts as a chat template would see them: what the text is, however the JSON was written.

Two messages that render alike cost the same tokens and hit the same cache: a string and a list with
one text part, or keys in another order. Prefixes are compared on this text, never on JSON.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Message, Turn
from autotune.workload.prefix import canonical, shared_chain, shared_objects


def rendered_text(message: Message) -> str:
    """Role, reasoning, content and tool calls of `message`, one after the other."""
    pieces = [str(message.get("role", "")), reasoning_text(message), content_text(message)]
    return "\n".join((*pieces, *calls_text(message)))


def content_text(message: Message) -> str:
    """The content as text; parts that hold no text as compact JSON."""
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(_part_text(part) for part in content)
    return canonical(content).decode()


def reasoning_text(message: Message) -> str:
    """The reasoning that stands in the prompt; empty where there is none."""
    value = message.get("reasoning_content") or message.get("reasoning")
    return value if isinstance(value, str) else ""


def calls_text(message: Message) -> list[str]:
    """Each tool call as its name and arguments; ids are not part of most templates."""
    calls = message.get("tool_calls")
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        return []
    found = []
    for call in calls:
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            found.append(f"{function.get('name')}({function.get('arguments')})")
    return found


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    return canonical(part).decode()


def tools_text(tools: Sequence[Mapping[str, Any]]) -> str:
    """The tool definitions, in their order; empty without any."""
    return canonical(list(tools)).decode() if tools else ""


@dataclass(slots=True)
class Chain:
    """The prompts of one session, turn after turn, as hashes of their prefixes.

    Link `i` stands for everything up to and with piece `i`: the tools first, then each message.
    Two prompts share a prefix as far as their links are equal. `chars[i]` are the characters up to
    there. Messages that turns share are hashed once.
    """

    links: array[int] = field(default_factory=lambda: array("Q"))
    chars: array[int] = field(default_factory=lambda: array("Q"))
    _tools: Sequence[Mapping[str, Any]] | None = None
    _messages: tuple[Message, ...] = ()

    def advance(self, turn: Turn) -> int:
        """Go on to `turn`; how many links of the prompt before it stayed as they were."""
        before = self.links[:]
        if self._tools is None or (turn.tools is not self._tools and turn.tools != self._tools):
            self._restart(turn)
        shared = shared_objects(self._messages, turn.messages)
        del self.links[shared + 1 :]
        del self.chars[shared + 1 :]
        for message in turn.messages[shared:]:
            self._append(rendered_text(message))
        self._messages = turn.messages
        return shared_chain(before, self.links)

    def _restart(self, turn: Turn) -> None:
        self._tools, self._messages = turn.tools, ()
        del self.links[:]
        del self.chars[:]
        self._append(tools_text(turn.tools))

    def _append(self, text: str) -> None:
        earlier = self.links[-1].to_bytes(8, "big") if self.links else b""
        digest = hashlib.blake2b(
            earlier + text.encode("utf-8", "surrogatepass"), digest_size=8
        ).digest()
        self.links.append(int.from_bytes(digest, "big"))
        self.chars.append((self.chars[-1] if self.chars else 0) + len(text))


def chars_at(chain: Chain, links: int) -> int:
    """Characters of the first `links` pieces."""
    return chain.chars[links - 1] if links else 0
