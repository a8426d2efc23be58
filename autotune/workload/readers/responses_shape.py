"""OpenAI Responses items in OpenAI chat shape.

A Responses prompt is a list of items (OpenAI's API reference, "Create a model response"): messages,
reasoning, calls and their outputs, each on its own. A chat prompt has one assistant message a
reply, so the items of a reply that stand together become one message with its reasoning, text and
calls. Consumers import everything of this shape from here.
Whatever has no place in a chat prompt (ids, status, encrypted text) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Recorded
from autotune.workload.readers.responses_parts import chat_content, text_of
from autotune.workload.readers.responses_tools import chat_tools, qualified

__all__ = [
    "Reply",
    "call_name",
    "chat_call",
    "chat_messages",
    "chat_tools",
    "compact",
    "count_of",
    "input_message",
    "is_reply_item",
    "items_to_messages",
    "recorded_usage",
    "reply_message",
]

_ROLES = {"developer": "system", "system": "system", "user": "user", "tool": "user"}
"""Roles of messages that are no reply. ``developer`` is the newer name of ``system``."""

_SILENT = frozenset(
    {"ghost_snapshot", "compaction", "compaction_summary", "compaction_trigger", "item_reference"}
    | {"context_compaction", "mcp_list_tools"}
)
"""Items that carry no text a chat prompt could hold: encrypted, or a reference."""

_HOSTED_RESULTS = (
    "action",
    "query",
    "queries",
    "code",
    "arguments",
    "output",
    "outputs",
    "results",
)
"""What a call that the server ran by itself says of what it did."""


def is_reply_item(item: Mapping[str, Any]) -> bool:
    """Whether the model wrote `item`: an assistant message, reasoning or a call."""
    kind = item.get("type")
    if kind is None or kind == "message":
        return item.get("role") == "assistant"
    return kind == "reasoning" or (isinstance(kind, str) and kind.endswith("_call"))


@dataclass(slots=True)
class Reply:
    """The items of one reply, gathered into the one message that a chat prompt has for them."""

    texts: list[Any] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    hidden: bool = False
    """Whether some reasoning of it is there in encrypted form only."""
    told: bool = False
    """Whether reasoning of it is there word for word, not as a summary."""

    def add(self, item: Mapping[str, Any]) -> None:
        """Take in one item for which `is_reply_item` holds."""
        kind = item.get("type")
        if kind == "reasoning":
            self._think(item)
        elif kind is None or kind == "message":
            self._speak(chat_content(item.get("content")))
        else:
            self._call(item)

    def _think(self, item: Mapping[str, Any]) -> None:
        """The reasoning itself where it is there, else the summary that was shown of it."""
        words = text_of(item.get("content"))
        text = words or text_of(item.get("summary"))
        if text:
            self.thoughts.append(text)
        self.told = self.told or bool(words)
        self.hidden = self.hidden or (not words and bool(item.get("encrypted_content")))

    def _speak(self, content: Any) -> None:
        if content:
            self.texts.append(content)

    def _call(self, item: Mapping[str, Any]) -> None:
        call = chat_call(item)
        if call is None:
            self._speak(_hosted_call(item))
        else:
            self.calls.append(call)

    @property
    def visible(self) -> bool:
        """Whether there is anything to see of it: encrypted reasoning alone is nothing."""
        return bool(self.texts or self.thoughts or self.calls)

    def message(self) -> dict[str, Any]:
        """The reply as an assistant message; parts that it does not have are left out."""
        made: dict[str, Any] = {"role": "assistant"}
        if self.thoughts:
            made["reasoning_content"] = "\n".join(self.thoughts)
        if self.texts or not self.calls:
            made["content"] = _joined(self.texts)
        if self.calls:
            made["tool_calls"] = self.calls
        return made


def _joined(contents: list[Any]) -> Any:
    """Several texts as one; with other parts among them, all as parts."""
    if all(isinstance(content, str) for content in contents):
        return "\n".join(contents)
    parts: list[Any] = []
    for content in contents:
        parts += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return parts


def chat_call(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """A call as a chat tool call; ``None`` for one that the server ran by itself.

    Arguments stay the string that they are. A custom tool's free text and a shell's action become
    JSON with one key, since templates parse the arguments.
    """
    call_id = item.get("call_id") or (item.get("id") if _is_shell(item) else None)
    if not isinstance(call_id, str) or not call_id:
        return None
    function = {"name": call_name(item), "arguments": _arguments(item)}
    return {"id": call_id, "type": "function", "function": function}


def _is_shell(item: Mapping[str, Any]) -> bool:
    return item.get("type") in ("local_shell_call", "shell_call")


def call_name(item: Mapping[str, Any]) -> str:
    """The tool's name with its namespace before it; a built-in tool is called by its type."""
    name = item.get("name")
    if not isinstance(name, str):
        return str(item.get("type")).removesuffix("_call")
    return qualified(item.get("namespace"), name)


def _arguments(item: Mapping[str, Any]) -> str:
    for key in ("arguments", "input", "action", "operation"):
        value = item.get(key)
        if key == "input" and value is not None:
            return compact({"input": value})
        if value is not None:
            return value if isinstance(value, str) else compact(value)
    return "{}"


def _hosted_call(item: Mapping[str, Any]) -> str:
    """A call without an answer of its own in the list: what the item says of it, as text."""
    said = {key: item[key] for key in _HOSTED_RESULTS if item.get(key) is not None}
    return compact({"type": item.get("type"), **said}) if said else ""


def compact(value: Any) -> str:
    """Compact JSON with the keys in their order; ``{}`` for a value nested beyond reason."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "{}"


def input_message(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """The chat message of an item that is no reply; ``None`` when it says nothing.

    Call outputs are ``tool`` messages. What sub-agents wrote to this agent (``agent_message``) came
    to the model as a user's words do.
    """
    kind = item.get("type")
    if kind is None or kind == "message":
        role = item.get("role")
        known = _ROLES.get(role) if isinstance(role, str) else None
        return {"role": known, "content": chat_content(item.get("content"))} if known else None
    if not isinstance(kind, str) or kind in _SILENT:
        return None
    if kind.endswith("_output"):
        return _tool_message(item)
    if kind == "additional_tools":
        return {"role": "system", "content": _found_tools(item)}
    content = chat_content(item.get("content"))
    return {"role": "user", "content": content} if content else None


def _tool_message(item: Mapping[str, Any]) -> dict[str, Any]:
    call_id = item.get("call_id") or item.get("id")
    known = call_id if isinstance(call_id, str) else ""
    found = item.get("output") if item.get("output") is not None else _found_tools(item)
    return {"role": "tool", "tool_call_id": known, "content": chat_content(found)}


def _found_tools(item: Mapping[str, Any]) -> str:
    """Tools that a search found, or that came in later: the model reads them as text."""
    tools = item.get("tools")
    return compact(tools) if isinstance(tools, list) and tools else ""


def items_to_messages(items: Iterable[Any]) -> list[dict[str, Any]]:
    """The chat messages of Responses `items`; what is no item is passed over.

    Items of a reply that follow each other are one assistant message.
    """
    messages: list[dict[str, Any]] = []
    reply: Reply | None = None
    for item in items:
        if not isinstance(item, Mapping):
            continue
        if is_reply_item(item):
            reply = reply or Reply()
            reply.add(item)
            continue
        message = input_message(item)
        if message is not None:
            messages += _said(reply)
            messages.append(message)
            reply = None
    return [*messages, *_said(reply)]


def _said(reply: Reply | None) -> list[dict[str, Any]]:
    return [reply.message()] if reply and reply.visible else []


def chat_messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The whole prompt of a Responses request body: ``instructions``, then ``input``.

    Both may be a string or a list of items. A ``previous_response_id`` is not followed here.
    """
    return [*_prompt(body.get("instructions"), "system"), *_prompt(body.get("input"), "user")]


def _prompt(value: Any, role: str) -> list[dict[str, Any]]:
    if isinstance(value, str):
        return [{"role": role, "content": value}] if value else []
    return items_to_messages(value) if isinstance(value, list) else []


def reply_message(response: Mapping[str, Any]) -> dict[str, Any] | None:
    """The reply of a Responses response object (``output``) as one assistant message."""
    output = response.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    reply = Reply()
    for item in items:
        if is_reply_item(item):
            reply.add(item)
    return reply.message() if reply.visible else None


def recorded_usage(usage: Any) -> Recorded:
    """``usage`` of a response: cached tokens are among the input, reasoning among the output."""
    if not isinstance(usage, Mapping):
        return Recorded()
    return Recorded(
        prompt_tokens=count_of(usage, "input_tokens"),
        cached_tokens=count_of(usage.get("input_tokens_details"), "cached_tokens"),
        completion_tokens=count_of(usage, "output_tokens"),
        reasoning_tokens=count_of(usage.get("output_tokens_details"), "reasoning_tokens"),
    )


def count_of(counts: Any, key: str) -> int | None:
    """A token count that is one: a whole number from 0 up, and no boolean."""
    value = counts.get(key) if isinstance(counts, Mapping) else None
    return value if type(value) is int and value >= 0 else None
