"""Lines of a Codex rollout: which are its own, and what the first of them says of the thread.

A line is ``{timestamp, type, payload}``. Before September 2025 it was the bare item itself, after a
first line ``{id, timestamp, instructions, git}``; the shapes are those of `RolloutItem` and
`SessionMeta` in openai/codex (codex-rs/protocol, codex-rs/core/src/rollout.rs and its history).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autotune.workload.model import Boundary, Recorded
from autotune.workload.readers.checks import count, epoch_ms, mapping, text
from autotune.workload.readers.message_store import check_writable
from autotune.workload.readers.responses_tools import qualified, shaped_tools

_ENVELOPE = frozenset({"timestamp", "type", "payload"})
_ENVELOPE_TYPES = frozenset(
    {"session_meta", "response_item", "event_msg", "turn_context", "compacted", "world_state"}
    | {"inter_agent_communication", "inter_agent_communication_metadata", "token_usage_record"}
    | {"retained_context", "security_risk_score", "realtime_item"}
)
_BARE_META = frozenset({"id", "timestamp", "instructions", "git"})
_BARE_CALLS: Mapping[str, frozenset[str]] = {
    "function_call": frozenset({"name", "arguments", "call_id"}),
    "function_call_output": frozenset({"call_id", "output"}),
    "custom_tool_call": frozenset({"name", "input", "call_id"}),
    "custom_tool_call_output": frozenset({"call_id", "output"}),
    "local_shell_call": frozenset({"action", "status"}),
    "reasoning": frozenset({"summary"}),
}


def is_enveloped(line: Mapping[str, Any]) -> bool:
    """Whether `line` is one of today's: ``{timestamp, type, payload}`` with a known type."""
    if not line.keys() >= _ENVELOPE or not isinstance(line["payload"], dict):
        return False
    return isinstance(line["type"], str) and line["type"] in _ENVELOPE_TYPES


def is_bare_meta(line: Mapping[str, Any]) -> bool:
    """Whether `line` is the first one of an old rollout."""
    known = {"id", "timestamp"} <= line.keys() <= _BARE_META
    return known and text(line["id"]) is not None and epoch_ms(line["timestamp"]) is not None


def is_bare(line: Mapping[str, Any]) -> bool:
    """Whether `line` is any of an old rollout: its first, an item by itself, or a state record."""
    if line.get("record_type") == "state":
        return True
    kind = line.get("type")
    if kind == "message":
        return isinstance(line.get("role"), str) and _has_typed_parts(line.get("content"))
    needed = _BARE_CALLS.get(kind) if isinstance(kind, str) else None
    return line.keys() >= needed if needed else is_bare_meta(line)


def _has_typed_parts(content: Any) -> bool:
    """Whether `content` is a list of parts under the names that Responses alone has for them."""
    if not isinstance(content, list) or not content:
        return False
    first = mapping(content[0]).get("type")
    return first in ("input_text", "output_text", "input_image")


@dataclass(frozen=True, slots=True)
class ThreadMeta:
    """What a rollout says of its thread.

    Attributes:
        parent: the thread it was forked from or spawned by.
        boundary: `FORK` or `SUBAGENT` for such a thread: its first request is no fresh start.
        system: the system prompt, where it was written.
        instructions: the user's standing instructions in older rollouts; they were sent with the
            system prompt, or as a message of their own.
        tools: tools that the client supplied; built-in ones are never written.
        based: the history is in the parent's file and not in this one.
    """

    session_id: str | None
    parent: str | None = None
    boundary: Boundary | None = None
    system: str | None = None
    instructions: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    based: bool = False
    started_ms: float | None = None


def thread_meta(payload: Mapping[str, Any]) -> ThreadMeta:
    """A ``session_meta`` payload, or the first line of an old rollout."""
    forked = text(payload.get("forked_from_id"))
    source = mapping(payload.get("source"))
    spawned = source.get("subagent", source.get("sub_agent"))
    is_agent = spawned is not None or payload.get("thread_source") == "subagent"
    boundary = Boundary.SUBAGENT if is_agent else Boundary.FORK if forked else None
    return ThreadMeta(
        session_id=text(payload.get("id")),
        parent=_parent(payload, spawned) if is_agent else forked,
        boundary=boundary,
        system=text(mapping(payload.get("base_instructions")).get("text")),
        instructions=text(payload.get("instructions")),
        tools=dynamic_tools(payload.get("dynamic_tools")),
        based=isinstance(payload.get("history_base"), dict),
        started_ms=epoch_ms(payload.get("timestamp")),
    )


def _parent(payload: Mapping[str, Any], spawned: Any) -> str | None:
    """The thread that spawned a sub-agent; reviews and the like are only told by their kind."""
    spawn = mapping(mapping(spawned).get("thread_spawn"))
    named = (spawn.get("parent_thread_id"), payload.get("parent_thread_id"))
    known = next((name for name in map(text, named) if name), text(payload.get("forked_from_id")))
    root = text(payload.get("session_id"))
    return known or (root if root != payload.get("id") else None)


def dynamic_tools(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Tools of the client as chat tools.

    Deferred ones are left out: the model is told of them only when it searches for tools.
    """
    if not isinstance(value, list):
        return ()
    try:
        check_writable(value)
    except ValueError:
        return ()
    return tuple(shaped_tools(_exposed(value)))


def _exposed(tools: list[Any]) -> list[Any]:
    """The tools that are in the prompt, their schema under the name that a request has for it."""
    shown = [tool for tool in tools if isinstance(tool, dict) and not tool.get("deferLoading")]
    return [_renamed(tool) for tool in shown]


def _renamed(tool: dict[str, Any]) -> dict[str, Any]:
    if isinstance(tool.get("tools"), list):
        return {**tool, "tools": _exposed(tool["tools"])}
    names = {"inputSchema": "parameters", "input_schema": "parameters"}
    made = {names.get(key, key): value for key, value in tool.items()}
    space = made.pop("namespace", None)
    if isinstance(made.get("name"), str):
        made["name"] = qualified(space, made["name"])
    return made


def last_usage(info: Mapping[str, Any]) -> Recorded | None:
    """The newest request's counts in a ``token_count``; ``None`` where it has none.

    Cached tokens are among the input, reasoning among the output. After a compaction the client
    writes an estimate of its own with no input: no request of that shape was sent.
    """
    usage = mapping(info.get("last_token_usage"))
    prompt = count(usage.get("input_tokens"))
    if not prompt:
        return None
    return Recorded(
        prompt_tokens=prompt,
        cached_tokens=count(usage.get("cached_input_tokens")),
        completion_tokens=count(usage.get("output_tokens")),
        reasoning_tokens=count(usage.get("reasoning_output_tokens")),
    )
