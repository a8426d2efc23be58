"""The Anthropic Messages API in OpenAI chat shape: prompts, tools, replies, token counts.

A request body is ``{system?, messages, tools?, max_tokens, ...}``; content is a string or a list of
typed blocks. The client marks where the cached prefix ends with ``cache_control``, and that mark
moves on with every request: a message that was ``[{"type": "text", ...}]`` is a plain string one
request later. Both give the same message here, or every prompt would seem to break its prefix.

Everything raises `ValueError`, with a reason that quotes nothing, where a shape is not the API's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.anthropic_parts import (
    Part,
    blocks_of,
    compact_json,
    content_of,
    is_block,
    joined,
)
from autotune.workload.readers.checks import count, mapping, number
from autotune.workload.readers.fizeau_shape import arguments_text

BILLING_HEADER = "x-anthropic-billing-header:"
"""How the first system block of Claude Code begins; servers do not take it for an instruction."""

_MOVING = re.compile(r"\bcch=[^;\s]*")
_FROZEN = "cch=00000"
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
_THOUGHTS = ("thinking", "redacted_thinking")
_SAMPLERS = ("max_tokens", "temperature", "top_p", "top_k")


def chat_messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The prompt of a request body: its system text, then every message.

    Raises:
        ValueError: `messages` is no list, or a message or block has no shape of the API.
    """
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise ValueError("messages: not a list")
    shaped = system_messages(body.get("system"))
    for message in messages:
        shaped.extend(chat_message(message))
    return shaped


def system_messages(system: Any) -> list[dict[str, Any]]:
    """``system`` (a string, blocks or nothing) as one system message or none.

    Blocks are lines. The billing header stays where it is, but its ``cch=`` value, which is
    another one in every request, is frozen: what llama.cpp does before it looks for a prefix.
    """
    if system is None or system == "" or system == []:
        return []
    blocks = [_frozen(block) for block in blocks_of(system)]
    return [{"role": "system", "content": content_of(blocks)}]


def _frozen(block: Mapping[str, Any]) -> Mapping[str, Any]:
    text = block.get("text")
    if not isinstance(text, str) or not text.startswith(BILLING_HEADER):
        return block
    header, newline, rest = text.partition("\n")
    return {**block, "text": _MOVING.sub(_FROZEN, header) + newline + rest}


def chat_message(message: Any) -> list[dict[str, Any]]:
    """One message of the API as the chat messages that carry it.

    A user message becomes a ``tool`` message for each of its results, then what the user said. An
    assistant message is one message. Any other role (``system`` in mid-conversation) keeps its
    place. Raises `ValueError`.
    """
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise ValueError("messages: every message needs a role")
    role, content = message["role"], message.get("content")
    if role == "assistant":
        return [assistant_message(content)]
    if role == "user":
        return user_messages(content)
    return [{"role": role, "content": content_of(blocks_of(content))}]


def user_messages(content: Any) -> list[dict[str, Any]]:
    """What a user message carries: its tool results, then the rest of it, if there is a rest."""
    blocks = blocks_of(content)
    results = [block for block in blocks if block.get("type") == "tool_result"]
    rest = [block for block in blocks if block.get("type") != "tool_result"]
    shaped = [tool_message(block) for block in results]
    if rest or not results:
        shaped.append({"role": "user", "content": content_of(rest)})
    return shaped


def tool_message(block: Mapping[str, Any]) -> dict[str, Any]:
    """A ``tool_result`` block as a ``tool`` message.

    Chat has no place for ``is_error``: the text of the result tells of it.
    """
    called = block.get("tool_use_id")
    if not isinstance(called, str):
        raise ValueError("tool_result: no tool_use_id")
    return {"role": "tool", "tool_call_id": called, "content": _result(block.get("content"))}


def _result(content: Any) -> Any:
    """What a tool gave back. Agents also store values of their own here, and send their JSON."""
    if content is None:
        return ""
    is_ours = isinstance(content, str) or (
        isinstance(content, list) and all(map(is_block, content))
    )
    return content_of(blocks_of(content)) if is_ours else compact_json(content)


def assistant_message(content: Any) -> dict[str, Any]:
    """An assistant's blocks as one message: text, then reasoning, then tool calls.

    Parts that are empty are left out, except the text of a message that has nothing else.
    Thinking without text (a signature only, or encrypted) leaves nothing: see `lost_thinking`.
    """
    blocks = blocks_of(content)
    calls = [_tool_call(block) for block in blocks if block.get("type") in _CALLS]
    thoughts = [thought for block in blocks if (thought := _thought(block))]
    spoken = [block for block in blocks if block.get("type") not in (*_CALLS, *_THOUGHTS)]
    text = content_of(spoken)
    message: dict[str, Any] = {"role": "assistant"}
    if text or not (calls or thoughts):
        message["content"] = text
    if thoughts:
        message["reasoning_content"] = "\n".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return message


def merged_reply(messages: Sequence[Message]) -> Message:
    """Assistant messages that are parts of one reply, in order, as that reply."""
    if len(messages) == 1:
        return messages[0]
    texts = [message["content"] for message in messages if message.get("content")]
    thoughts = [m["reasoning_content"] for m in messages if m.get("reasoning_content")]
    calls = [call for message in messages for call in message.get("tool_calls", ())]
    merged: dict[str, Any] = {"role": "assistant"}
    if texts or not (calls or thoughts):
        merged["content"] = joined([part for text in texts for part in _as_parts(text)])
    if thoughts:
        merged["reasoning_content"] = "\n".join(thoughts)
    if calls:
        merged["tool_calls"] = calls
    return merged


def _as_parts(content: str | list[Part]) -> list[Part]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def chat_reply(message: Any) -> dict[str, Any] | None:
    """A response body as the assistant message that the next prompt carries.

    ``None`` when it holds no reply (an error, an empty one). Raises `ValueError`.
    """
    content = message.get("content") if isinstance(message, Mapping) else None
    return assistant_message(content) if content else None


def lost_thinking(content: Any) -> bool:
    """Whether thinking stood here whose text the log does not hold. Never raises."""
    blocks = content if isinstance(content, list) else []
    return any(
        isinstance(block, Mapping) and block.get("type") in _THOUGHTS and not _thought(block)
        for block in blocks
    )


def _thought(block: Mapping[str, Any]) -> str:
    thought = block.get("thinking") if block.get("type") == "thinking" else None
    return thought if isinstance(thought, str) else ""


def _tool_call(block: Mapping[str, Any]) -> dict[str, Any]:
    """``{id, name, input}`` as an OpenAI tool call; `input` is written compactly, keys in order."""
    name, called = block.get("name"), block.get("id")
    if not isinstance(name, str) or not isinstance(called, str):
        raise ValueError("tool_use: no name or no id")
    try:
        arguments = arguments_text(block.get("input"))
    except RecursionError:
        raise ValueError("tool_use: nested too deeply") from None
    function = {"name": name, "arguments": arguments}
    return {"id": called, "type": "function", "function": function}


def chat_tools(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tools of a request body as OpenAI tools, in their order.

    Tools that the provider runs (web search) have a type and a name only; what the model was told
    of them is not in the body. Raises `ValueError`.
    """
    tools = body.get("tools")
    if tools is None:
        return []
    if not isinstance(tools, list):
        raise ValueError("tools: not a list")
    return [_chat_tool(tool) for tool in tools]


def _chat_tool(tool: Any) -> dict[str, Any]:
    if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str):
        raise ValueError("tools: every tool needs a name")
    function: dict[str, Any] = {"name": tool["name"]}
    if isinstance(tool.get("description"), str):
        function["description"] = tool["description"]
    schema = tool.get("input_schema")
    empty = {"type": "object", "properties": {}}
    function["parameters"] = schema if isinstance(schema, Mapping) else empty
    return {"type": "function", "function": function}


def chat_params(body: Mapping[str, Any]) -> dict[str, Any]:
    """The sampling parameters of a request body under their OpenAI names. Never raises."""
    params = {name: body[name] for name in _SAMPLERS if number(body.get(name)) is not None}
    stop = body.get("stop_sequences")
    if isinstance(stop, list) and stop and all(isinstance(item, str) for item in stop):
        params["stop"] = stop
    return params


def recorded_usage(usage: Any) -> Recorded:
    """``usage`` of a response. Its three prompt counts are disjoint, so the prompt is their sum.

    Counts that are no counts are absent; without ``input_tokens`` the prompt is. Never raises.
    """
    counts = mapping(usage)
    fresh, read = count(counts.get("input_tokens")), count(counts.get("cache_read_input_tokens"))
    written = count(counts.get("cache_creation_input_tokens"))
    details = mapping(counts.get("output_tokens_details"))
    return Recorded(
        prompt_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        cached_tokens=read,
        completion_tokens=count(counts.get("output_tokens")),
        reasoning_tokens=count(details.get("thinking_tokens")),
    )


def is_request(body: Any) -> bool:
    """Whether `body` is a Messages request and not an OpenAI one: evidence, not a check.

    It has `messages` of which none is a ``tool`` message or has ``tool_calls``, and something only
    this API has: a `system` beside them, a tool with an ``input_schema``, a block of its types.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("messages"), list):
        return False
    messages = [m for m in body["messages"] if isinstance(m, Mapping)]
    if any(m.get("role") in ("tool", "developer") or "tool_calls" in m for m in messages):
        return False
    has_system = isinstance(body.get("system"), (str, list))
    return has_system or _has_own_tools(body.get("tools")) or any(map(_has_own_blocks, messages))


def _has_own_tools(tools: Any) -> bool:
    return isinstance(tools, list) and any(
        isinstance(tool, Mapping) and "input_schema" in tool for tool in tools
    )


_OWN_BLOCKS = ("tool_use", "tool_result", *_THOUGHTS)


def _has_own_blocks(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return any(
        isinstance(block, Mapping)
        and (block.get("type") in _OWN_BLOCKS or "cache_control" in block)
        for block in blocks
    )
