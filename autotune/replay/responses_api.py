"""OpenAI's Responses API: chat-shaped prompts out, its stream events in.

Item and event names are those of the API's reference (``POST /v1/responses``). Nothing is stored
on the server: every request carries its whole prompt (``store: false``). Reasoning of earlier turns
is left out, as the API takes only what it encrypted itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autotune.replay.chunks import child, text_of
from autotune.replay.dialect import FINISHED, Api, Chunk, Dialect
from autotune.replay.nonce import SYSTEM_ROLES
from autotune.replay.tool_links import calls_in, text_in
from autotune.workload.model import Message

LEAST_OUTPUT_TOKENS = 16
"""The smallest ``max_output_tokens`` that OpenAI takes."""


def responses_body(
    model_name: str, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A request without ``max_output_tokens``. The first system message is the instructions."""
    rest = list(messages)
    body: dict[str, Any] = {"model": model_name}
    if rest and rest[0].get("role") in SYSTEM_ROLES:
        body["instructions"] = text_in(rest.pop(0).get("content"))
    body["input"] = [item for message in rest for item in _items(message)]
    if tools:
        body |= {"tools": [_tool(tool) for tool in tools], "tool_choice": "none"}
    return body | {"store": False, "stream": True}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = child(tool, "function") or tool
    kept = {k: function[k] for k in ("name", "description", "parameters") if k in function}
    return {"type": "function", **kept, "strict": bool(function.get("strict", False))}


def _items(message: Message) -> Iterator[dict[str, Any]]:
    role, content = str(message.get("role")), message.get("content")
    if role == "assistant":
        if text := text_in(content):
            yield {"type": "message", "role": role, "content": text}
        yield from map(_call, calls_in(message))
    elif role in ("tool", "function"):
        yield {
            "type": "function_call_output",
            "call_id": str(message.get("tool_call_id")),
            "output": text_in(content),
        }
    else:
        speaker = role if role in SYSTEM_ROLES else "user"
        yield {"type": "message", "role": speaker, "content": _parts(content)}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = child(call, "function")
    return {
        "type": "function_call",
        "call_id": str(call.get("id")),
        "name": text_of(function, "name"),
        "arguments": text_of(function, "arguments") or "{}",
    }


def _parts(content: object) -> list[dict[str, Any]]:
    parts = content if isinstance(content, list | tuple) else [content]
    return [_image(part) or {"type": "input_text", "text": text_in([part])} for part in parts]


def _image(part: object) -> dict[str, Any] | None:
    url = child(part, "image_url").get("url") if isinstance(part, Mapping) else None
    return {"type": "input_image", "image_url": url} if isinstance(url, str) else None


_TEXT = frozenset({"response.output_text.delta", "response.refusal.delta"})
_REASONING = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_ARGUMENTS = frozenset(
    {"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"}
)
_ENDS = {"response.completed": "stop", "response.incomplete": "length"}


def translate(event: Mapping[str, Any]) -> Chunk:
    """The chat chunk that says what `event` says; no event needs another one to be understood."""
    metadata = {k: event[k] for k in ("openrouter_metadata", "provider") if k in event}
    return {**_chunk(event), **metadata}


def _chunk(event: Mapping[str, Any]) -> Chunk:
    kind, text = str(event.get("type")), text_of(event, "delta")
    if kind in _TEXT:
        return _choice({"content": text})
    if kind in _REASONING:
        return _choice({"reasoning_content": text})
    if kind in _ARGUMENTS:
        return _piece(event, {"function": {"arguments": text}})
    if kind == "response.output_item.added":
        return _opened(event)
    if kind in _ENDS:
        return _ended(event, _ENDS[kind])
    if kind == "response.failed":
        return {"error": child(event, "response").get("error") or {"message": "response.failed"}}
    return {}


def _opened(event: Mapping[str, Any]) -> Chunk:
    """A call is named as it is added, before its arguments."""
    item = child(event, "item")
    if item.get("type") not in ("function_call", "custom_tool_call"):
        return {}
    called = {"name": text_of(item, "name"), "arguments": ""}
    return _piece(event, {"id": text_of(item, "call_id"), "function": called})


def _ended(event: Mapping[str, Any], finish: str) -> Chunk:
    response = child(event, "response")
    chunk: dict[str, Any] = {
        "choices": [{"delta": {}, "finish_reason": finish}],
        "usage": _usage(child(response, "usage")),
        FINISHED: True,
    }
    for name in ("timings", "openrouter_metadata", "provider"):  # llama.cpp, OpenRouter
        if found := response.get(name) or event.get(name):
            chunk[name] = found
    return chunk


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "input_tokens": "prompt_tokens",
        "output_tokens": "completion_tokens",
        "input_tokens_details": "prompt_tokens_details",
        "output_tokens_details": "completion_tokens_details",
        "cost": "cost",
    }
    return {name: usage[key] for key, name in names.items() if usage.get(key) is not None}


def _choice(delta: Mapping[str, Any]) -> Chunk:
    return {"choices": [{"delta": delta, "finish_reason": None}]}


def _piece(event: Mapping[str, Any], call: dict[str, Any]) -> Chunk:
    return _choice({"tool_calls": [{"index": event.get("output_index"), **call}]})


RESPONSES = Dialect(Api.RESPONSES, "/responses", responses_body, lambda: translate, strict=True)
"""OpenAI's Responses API, which llama-server and vLLM speak as well."""
