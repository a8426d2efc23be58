"""Steps of an ATIF trajectory in OpenAI chat shape, those of producers that miss the schema too.

Harbor's models (ATIF-v1.0 to v1.8) are the reference. Fizeau writes ``schema_version: "1.4"`` with
``tool_calls[].name`` and ``input``, steps of source ``tool``, and ``metrics.input_tokens``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.checks import count, mapping, objects, text
from autotune.workload.readers.responses_shape import compact

Step = Mapping[str, Any]

_VERSION = re.compile(r"ATIF-v\d|\d+\.\d+$")
_REASONING_KEYS = ("reasoning_output_tokens", "reasoning_tokens", "thoughts_tokens")


def is_trajectory(document: Any) -> bool:
    """Whether `document` is an ATIF trajectory: a version, an agent, and a list of steps.

    A bare version number counts only with steps that say their source.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("steps"), list):
        return False
    version = document.get("schema_version")
    if not isinstance(version, str) or not _VERSION.match(version):
        return False
    if version.startswith("ATIF-"):
        return True
    steps = objects(document["steps"])
    return isinstance(document.get("agent"), Mapping) and bool(steps) and "source" in steps[0]


def content_of(value: Any) -> str | list[dict[str, Any]]:
    """A message or a result as chat content: text, or parts where there is media.

    Media lie in files beside the trajectory; a part names them as text would.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if not isinstance(value, list):
        return compact(value)
    parts = [part for part in map(_part, value) if part is not None]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _part(part: Any) -> dict[str, Any] | None:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    known = mapping(part)
    if isinstance(known.get("text"), str):
        return {"type": "text", "text": known["text"]}
    path = text(mapping(known.get("source")).get("path"))
    if path is None:
        return None
    if known.get("type") == "image":
        return {"type": "image_url", "image_url": {"url": path}}
    return {"type": "file", "file": {"filename": path}}


def tool_calls(step: Step, numbered_from: int = 0) -> list[dict[str, Any]]:
    """The calls of an agent step. One without an id gets a number from `numbered_from` on."""
    calls = objects(step.get("tool_calls"))
    return [_call(step, call, numbered_from + index) for index, call in enumerate(calls)]


def _call(step: Step, call: Mapping[str, Any], number: int) -> dict[str, Any]:
    call_id = text(call.get("tool_call_id")) or text(call.get("id")) or f"call_{number}"
    name = text(call.get("function_name")) or text(call.get("name")) or ""
    arguments = call.get("arguments", call.get("input"))
    raw = _raw_arguments(step, call, call_id)
    function = {"name": name, "arguments": raw or _arguments_text(arguments)}
    return {"id": call_id, "type": "function", "function": function}


def _arguments_text(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return "{}" if arguments is None else compact(arguments)


def _raw_arguments(step: Step, call: Mapping[str, Any], call_id: str) -> str | None:
    """The arguments as the model wrote them, where Harbor's converters kept them."""
    extra = mapping(step.get("extra"))
    details = mapping(mapping(extra.get("tool_call_details")).get(call_id))
    lone = extra if len(objects(step.get("tool_calls"))) == 1 else {}
    found = (mapping(call.get("extra")), details, lone)
    raw = (text(place.get("raw_arguments")) for place in found)
    return next((value for value in raw if value and value.lstrip()[:1] == "{"), None)


def results(step: Step, calls: list[dict[str, Any]]) -> list[Message]:
    """What the environment answered, as messages: a tool's where a call is named, else a user's."""
    known = {call["id"] for call in calls}
    found: list[Message] = []
    for result in objects(mapping(step.get("observation")).get("results")):
        content = content_of(result.get("content"))
        source = text(result.get("source_call_id"))
        if source is not None and source in known:
            found.append({"role": "tool", "tool_call_id": source, "content": content})
        elif content:
            found.append({"role": "user", "content": content})
    return found


def has_observation(step: Step) -> bool:
    """Whether the environment answered this step."""
    return bool(objects(mapping(step.get("observation")).get("results")))


def metrics_of(step: Step) -> Recorded:
    """Token counts of a step; cached tokens are among the prompt's. A prompt of 0 tokens is none.

    A step that sums several calls says nothing of the depth of one.
    """
    metrics = mapping(step.get("metrics"))
    calls = count(step.get("llm_call_count"))
    prompt = _first_count(metrics, ("prompt_tokens", "input_tokens")) or _ids(metrics, "prompt")
    if not prompt or (calls or 0) > 1:
        return Recorded()
    extra = mapping(metrics.get("extra"))
    output = _first_count(metrics, ("completion_tokens", "output_tokens"))
    return Recorded(
        prompt_tokens=prompt,
        cached_tokens=_first_count(metrics, ("cached_tokens", "cached_input_tokens")),
        completion_tokens=_ids(metrics, "completion") if output is None else output,
        reasoning_tokens=_first_count(extra, _REASONING_KEYS),
    )


def _first_count(counts: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    known = (count(counts.get(key)) for key in keys)
    return next((value for value in known if value is not None), None)


def _ids(metrics: Mapping[str, Any], side: str) -> int | None:
    ids = metrics.get(f"{side}_token_ids")
    return len(ids) if isinstance(ids, list) and ids else None


def prompt_ids(step: Step) -> int | None:
    """How many token ids of the prompt the step holds: exact, for that tokenizer alone."""
    return _ids(mapping(step.get("metrics")), "prompt")


def replaces_context(step: Step) -> bool:
    """Whether the agent put a new context in place of the old one here.

    Harbor's converters say so as ``extra.context_management``.
    """
    management = mapping(mapping(step.get("extra")).get("context_management"))
    return management.get("boundary") == "replace"
