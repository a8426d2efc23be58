"""What a GenAI span says of its prompt and reply, in OpenAI chat shape.

OpenTelemetry's semantic conventions have changed their place: ``gen_ai.input.messages`` and its kin
as attributes of the span or of an event (since 1.37), one event a message before that, and numbered
attributes (``gen_ai.prompt.0.content``) by OpenLLMetry. Content is text of JSON in most exporters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Message
from autotune.workload.readers.checks import mapping, objects, text
from autotune.workload.readers.otlp import Attributes, Event, Span
from autotune.workload.readers.responses_shape import compact

_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "developer": "system"}
_EVENT = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message$")
_NUMBERED = re.compile(r"gen_ai\.(prompt|completion)\.(\d{1,6})\.(.+)$")
_CALL = re.compile(r"tool_calls\.(\d{1,6})\.(?:function\.)?(id|name|arguments)$")
_FUNCTION = re.compile(r"llm\.request\.functions\.(\d{1,6})\.(name|description|parameters)$")
_INPUT, _OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"


@dataclass(slots=True)
class Content:
    """Prompt, reply and tools of a span; `broken` names attributes that are cut off."""

    messages: list[Message] = field(default_factory=list)
    reply: Message | None = None
    tools: list[Mapping[str, Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def content_of(span: Span, records: Iterable[Event] = ()) -> Content:
    """The content of `span`, from wherever its exporter put it; without messages where nowhere.

    `records` are log records that belong to the span.
    """
    events = (*span.events, *records)
    content = Content()
    for attributes in (span.attributes, *(_attributes(event) for event in events)):
        if not content.messages:
            _from_attributes(attributes, content)
    if not content.messages:
        _from_events(events, content)
    if not content.messages:
        _from_numbered(span.attributes, content)
    if not content.tools:
        content.tools = _functions(span.attributes)
    return content


def _attributes(event: Event) -> Attributes:
    """Attributes of an event; a log record may carry them as its body."""
    return {**mapping(event.body), **event.attributes}


def _from_attributes(attributes: Attributes, content: Content) -> None:
    system = _value(attributes, "gen_ai.system_instructions", content)
    given = _value(attributes, _INPUT, content)
    if not isinstance(given, list):
        return
    if system:
        parts = system if isinstance(system, list) else [system]
        content.messages += _chat({"role": "system", "parts": parts})
    for message in given:
        content.messages += _chat(mapping(message))
    replies = [_chat(reply) for reply in objects(_value(attributes, _OUTPUT, content))]
    content.reply = replies[0][0] if replies and replies[0] else None
    definitions = objects(_value(attributes, "gen_ai.tool.definitions", content))
    content.tools = [_tool(tool) for tool in definitions]


def _value(attributes: Attributes, key: str, content: Content) -> Any:
    """An attribute that is JSON as text, or a value as it stands."""
    value = attributes.get(key)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        if key == "gen_ai.system_instructions" and value[:1] not in "[{":
            return value
        content.broken.append(key)
        return None


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A definition as an OpenAI tool."""
    if isinstance(tool.get("function"), Mapping):
        return tool
    return {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}


def _chat(message: Mapping[str, Any]) -> list[Message]:
    """One message of the conventions as chat messages: each tool result is one of its own."""
    said = text(message.get("role")) or "user"
    role = _ROLES.get(said.lower(), said)
    parts = message.get("parts", message.get("content"))
    known = _Parts()
    for part in parts if isinstance(parts, list) else [parts]:
        known.add(part)
    made = known.message(role)
    return [*([made] if made else []), *known.results]


@dataclass(slots=True)
class _Parts:
    """The parts of a message, sorted by where they go."""

    texts: list[str] = field(default_factory=list)
    media: list[dict[str, Any]] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    results: list[Message] = field(default_factory=list)

    def add(self, part: Any) -> None:
        """Take in one part; kinds that a chat prompt has no place for are kept as JSON text."""
        if part is None:
            return
        if not isinstance(part, Mapping):
            self.texts.append(_text(part))
            return
        kind = part.get("type")
        if kind in ("reasoning", "thinking"):
            self.thoughts.append(_text(part.get("content", part.get("thinking"))))
        elif kind in ("tool_call", "tool_use"):
            self.calls.append(_call(part, part.get("arguments", part.get("input"))))
        elif kind in ("tool_call_response", "tool_result"):
            self.results.append(_result(part))
        elif kind in ("blob", "uri", "file"):
            self.media.append(_media(part))
        elif kind in (None, "text"):
            self.texts.append(_text(part.get("content", part.get("text"))))
        else:
            self.texts.append(compact(part))

    def message(self, role: str) -> dict[str, Any] | None:
        """The message without its tool results; ``None`` when they are all of it."""
        made: dict[str, Any] = {"role": role}
        if self.thoughts:
            made["reasoning_content"] = "\n".join(self.thoughts)
        joined = "\n".join(self.texts)
        if self.media:
            made["content"] = [{"type": "text", "text": joined}, *self.media]
        elif joined or not (self.calls or self.results or self.thoughts):
            made["content"] = joined
        if self.calls:
            made["tool_calls"] = self.calls
        return made if made.keys() > {"role"} else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else compact(value)


def _call(part: Mapping[str, Any], arguments: Any) -> dict[str, Any]:
    written = _text(arguments) or "{}"
    function = {"name": _text(part.get("name")), "arguments": written}
    return {"id": _text(part.get("id")), "type": "function", "function": function}


def _result(part: Mapping[str, Any]) -> Message:
    said = next((part[k] for k in ("response", "result", "content") if k in part), None)
    call_id = part.get("id", part.get("tool_use_id"))
    return {"role": "tool", "tool_call_id": _text(call_id), "content": _text(said)}


def _media(part: Mapping[str, Any]) -> dict[str, Any]:
    mime = _text(part.get("mime_type")) or "application/octet-stream"
    url = text(part.get("uri")) or f"data:{mime};base64,{_text(part.get('content'))}"
    if part.get("modality") == "image" or mime.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"file_id": text(part.get("file_id")) or url}}


def _from_events(events: Iterable[Event], content: Content) -> None:
    """One event a message: ``gen_ai.user.message`` and its like, ``gen_ai.choice`` the reply."""
    for event in events:
        name = event.name or _text(event.attributes.get("event.name"))
        body = _body(event)
        kind = _EVENT.match(name)
        if kind:
            content.messages += _event_message(kind[1], body)
        elif name == "gen_ai.choice" and content.reply is None:
            message = body.get("message")
            made = _event_message("assistant", mapping(message) or body)
            content.reply = made[0] if made else None


def _body(event: Event) -> Mapping[str, Any]:
    """What an event says: its body, ``gen_ai.event.content`` as JSON text, or its attributes."""
    said = event.attributes.get("gen_ai.event.content")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            return {"content": said}
    known = mapping(said) or mapping(event.body) or event.attributes
    message = known.get("message")
    if isinstance(message, str):
        try:
            return {**known, "message": json.loads(message)}
        except (ValueError, RecursionError):
            return {**known, "content": message}
    return known


def _event_message(kind: str, body: Mapping[str, Any]) -> list[Message]:
    content = body.get("content")
    if content is None and not body.get("tool_calls"):
        return []
    said = text(body.get("role")) or kind
    role = _ROLES.get(said.lower(), said)
    if role == "tool":
        return [{"role": "tool", "tool_call_id": _text(body.get("id")), "content": _text(content)}]
    made = _Parts()
    for part in content if isinstance(content, list) else [content]:
        made.add(part)
    for call in objects(_parsed(body.get("tool_calls"))):
        function = mapping(call.get("function")) or call
        made.calls.append(_call({**call, "name": function.get("name")}, function.get("arguments")))
    message = made.message(role)
    return [message] if message else []


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _from_numbered(attributes: Attributes, content: Content) -> None:
    """``gen_ai.prompt.N.*`` and ``gen_ai.completion.N.*``."""
    sides: dict[str, dict[int, dict[str, Any]]] = {"prompt": {}, "completion": {}}
    for key, value in attributes.items():
        found = _NUMBERED.match(key)
        if found:
            sides[found[1]].setdefault(int(found[2]), {})[found[3]] = value
    prompt, completion = sides["prompt"], sides["completion"]
    for number in sorted(prompt):
        content.messages += _numbered_message(prompt[number], "user")
    replies = [_numbered_message(completion[number], "assistant") for number in sorted(completion)]
    content.reply = replies[0][0] if replies and replies[0] else content.reply


def _numbered_message(fields: Mapping[str, Any], role: str) -> list[Message]:
    calls: dict[int, dict[str, Any]] = {}
    for key, value in fields.items():
        found = _CALL.match(key)
        if found:
            calls.setdefault(int(found[1]), {})[found[2]] = value
    body = {
        "role": fields.get("role"),
        "content": _numbered_content(fields.get("content")),
        "id": fields.get("tool_call_id"),
        "tool_calls": [calls[number] for number in sorted(calls)],
    }
    return _event_message(role, body)


def _numbered_content(value: Any) -> Any:
    """Content as it was sent: parts are written as JSON text, and so may text be."""
    if isinstance(value, str) and value.startswith('[{"'):
        parts = _parsed(value)
        if parts and all(isinstance(mapping(part).get("type"), str) for part in parts):
            return parts
    return value


def _functions(attributes: Attributes) -> list[Mapping[str, Any]]:
    """``llm.request.functions.N.*``; the parameters are JSON text."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        known = _FUNCTION.match(key)
        if known:
            parsed = _parsed(value) if known[2] == "parameters" else value
            found.setdefault(int(known[1]), {})[known[2]] = parsed
    return [{"type": "function", "function": found[number]} for number in sorted(found)]
