"""OpenHands events in OpenAI chat shape, as its conversation memory writes them to the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers import openai_shape
from autotune.workload.readers.checks import count, mapping, number, objects, text
from autotune.workload.readers.responses_shape import compact

Event = Mapping[str, Any]

_SILENT_ACTIONS = frozenset(
    {"recall", "null", "change_agent_state", "condensation_request", "loop_recovery", "pause"}
    | {"resume", "stop", "start", "confirm", "reject"}
)
_SILENT_OBSERVATIONS = frozenset({"null", "agent_state_changed", "loop_detection", "success"})
_NOTES = {
    "error": "\n[Error occurred in processing last action]",
    "user_rejected": "\n[Last action has been rejected by the user]",
}
_RECALLED = ("repo_instructions", "additional_agent_instructions", "conversation_instructions")


def is_event(value: Any) -> bool:
    """Whether `value` is an event: an action or an observation with a source."""
    known = mapping(value)
    kind = known.get("action", known.get("observation"))
    return isinstance(kind, str) and "source" in known


def response_of(event: Event) -> Mapping[str, Any]:
    """The response of the model that an action came from; empty where it is not told."""
    return mapping(mapping(event.get("tool_call_metadata")).get("model_response"))


def call_id_of(event: Event) -> str | None:
    """The tool call that an action makes or an observation answers."""
    return text(mapping(event.get("tool_call_metadata")).get("tool_call_id"))


def is_request(event: Event) -> bool:
    """Whether the agent asked its model for this action."""
    kind = event.get("action")
    if event.get("source") != "agent" or not isinstance(kind, str):
        return False
    return kind not in _SILENT_ACTIONS and kind not in ("system", "condensation")


def system_of(event: Event) -> tuple[Message, list[Mapping[str, Any]]]:
    """The system message, and the tools that were offered with it."""
    args = mapping(event.get("args"))
    content = text(args.get("content")) or text(event.get("message")) or ""
    return {"role": "system", "content": content}, objects(args.get("tools"))


def said_by(event: Event) -> Message | None:
    """What an action says in later prompts; ``None`` where it says nothing.

    An action that a tool call made is the whole reply it was part of. A finished task is told by
    its last thought alone.
    """
    args = mapping(event.get("args"))
    if event.get("source") != "agent":
        return _user_message(event, args)
    reply = openai_shape.chat_reply(response_of(event))
    if event.get("action") == "finish":
        content = text(args.get("thought")) or text(mapping(reply).get("content"))
        return {"role": "assistant", "content": content or text(args.get("final_thought")) or ""}
    return reply or _plain(event, args)


def _user_message(event: Event, args: Mapping[str, Any]) -> Message | None:
    if event.get("action") == "run":
        return {"role": "user", "content": f"User executed the command:\n{args.get('command')}"}
    content = text(args.get("content")) or text(event.get("message"))
    known = event.get("action") in ("message", "finish")
    return {"role": "user", "content": content} if known and content else None


def _plain(event: Event, args: Mapping[str, Any]) -> Message:
    """An action of an agent that writes its calls as text."""
    keys = ("thought", "command", "code", "content", "path", "url")
    pieces = [piece for key in keys if (piece := text(args.get(key)))]
    said = "\n".join(pieces) or text(event.get("message")) or compact(args.get("inputs") or {})
    return {"role": "assistant", "content": said}


def answer_of(event: Event) -> Message | None:
    """What an observation says to the model; ``None`` where it says nothing."""
    kind = event.get("observation")
    if kind in _SILENT_OBSERVATIONS:
        return None
    content = _content(event, str(kind))
    call_id = call_id_of(event)
    if call_id is not None:
        named = {"role": "tool", "content": content, "tool_call_id": call_id}
        name = text(mapping(event.get("tool_call_metadata")).get("function_name"))
        return {**named, "name": name} if name else named
    return {"role": "user", "content": content} if content else None


def _content(event: Event, kind: str) -> str:
    content = event.get("content")
    said = content if isinstance(content, str) else ""
    extras = mapping(event.get("extras"))
    if kind == "recall":
        return _recalled(extras)
    if kind == "run":
        return said + _state(extras)
    return said + _NOTES.get(kind, "")


def _state(extras: Mapping[str, Any]) -> str:
    """What a command's result says of the shell after it."""
    known = mapping(extras.get("metadata"))
    suffix = known.get("suffix")
    pieces = [suffix if isinstance(suffix, str) else ""]
    if text(known.get("working_dir")):
        pieces.append(f"\n[Current working directory: {known['working_dir']}]")
    if text(known.get("py_interpreter_path")):
        pieces.append(f"\n[Python interpreter: {known['py_interpreter_path']}]")
    code = known.get("exit_code")
    if type(code) is int and code != -1:
        pieces.append(f"\n[Command finished with exit code {code}]")
    return "".join(pieces)


def _recalled(extras: Mapping[str, Any]) -> str:
    """Instructions that were looked up for the prompt, without the words around them."""
    pieces = [text(extras.get(key)) for key in _RECALLED]
    pieces += [text(agent.get("content")) for agent in objects(extras.get("microagent_knowledge"))]
    return "\n".join(filter(None, pieces))


def usage_of(counts: Mapping[str, Any]) -> Recorded:
    """One record of ``token_usages``: the prompt's tokens hold the cached ones. 0 is no prompt."""
    prompt = count(counts.get("prompt_tokens"))
    if not prompt:
        return Recorded()
    return Recorded(
        prompt_tokens=prompt,
        cached_tokens=count(counts.get("cache_read_tokens")),
        completion_tokens=count(counts.get("completion_tokens")),
    )


def metrics_of(metrics: Any) -> dict[str, Recorded]:
    """Token counts and latency by response id, from the ``metrics`` of a run or of an event."""
    known = mapping(metrics)
    found: dict[str, Recorded] = {}
    for counts in objects(known.get("token_usages")):
        response = text(counts.get("response_id"))
        if response:
            found[response] = usage_of(counts)
    for latency in objects(known.get("response_latencies")):
        response, seconds = text(latency.get("response_id")), number(latency.get("latency"))
        if response and seconds is not None and seconds >= 0:
            timed = found.get(response, Recorded())
            found[response] = replace(timed, latency_ms=seconds * 1000.0)
    return found
