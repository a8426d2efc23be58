"""One line of a Claude Code transcript, reduced to what a prompt is put together from.

Lines with a ``uuid`` form a tree over ``parentUuid``; all others are settings, titles and copies of
the user interface. Only `user` and `assistant` lines, what was typed while the model worked
(``queued_command``) and the output of local commands reach the prompt; other attachments reach it
too, but how they are rendered is not recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.anthropic_parts import Part, blocks_of, parts_of
from autotune.workload.readers.anthropic_shape import (
    assistant_message,
    lost_thinking,
    recorded_usage,
    tool_message,
)
from autotune.workload.readers.checks import epoch_ms, mapping, text

SYNTHETIC = "<synthetic>"
"""The model of replies that the client wrote itself: no request was made for them."""

_SILENT = frozenset({"command_permissions", "hook_system_message", "hook_cancelled"})
_THINKING, _ATTACHMENTS = frozenset({"thinking"}), frozenset({"attachments"})


class Kind(Enum):
    """What a line is to the prompt."""

    LINK = auto()
    """Nothing: it only stands in the chain."""

    USER = auto()
    REPLY = auto()
    BOUNDARY = auto()
    """The context was compacted here: the prompt begins anew."""

    CLEARING = auto()
    """Old tool results were taken out of the prompt here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the tree. `number` counts from 1.

    Of a user's line, `results` are ``tool`` messages and `said` the parts of the rest.
    """

    number: int
    uuid: str
    parent: str | None
    session_id: str
    agent: str | None
    is_sidechain: bool
    time_ms: float | None
    kind: Kind = Kind.LINK
    is_summary: bool = False
    results: tuple[Message, ...] = ()
    said: tuple[Part, ...] = ()
    loses: frozenset[str] = frozenset()
    reply: Reply | None = None
    preserved: tuple[str, str] | None = None
    cleared: tuple[str, ...] = ()

    @property
    def lane(self) -> tuple[str, str | None, bool]:
        """Whose lines these are: session, agent, and whether it is a side chain."""
        return self.session_id, self.agent, self.is_sidechain


@dataclass(frozen=True, slots=True)
class Reply:
    """What an assistant line says of its request. Lines of one `message_id` are one reply.

    `message` is what this line has of it.
    """

    message_id: str
    message: Message
    model: str | None = None
    usage: Recorded = field(default_factory=Recorded)
    is_final: bool = False
    """Whether the line names a stop reason: without one the counts are those of the start."""


def parse_entry(value: Mapping[str, Any], number: int, session_id: str) -> Entry | None:
    """The line as an entry; ``None`` for one that is not of the tree.

    `session_id` is used where the line names none. Raises `ValueError` when a message has no shape
    of the API; `link_entry` then keeps its place in the chain.
    """
    place = _place(value, number, session_id)
    return Entry(**place, **_content(value, place["uuid"])) if place else None


def link_entry(value: Mapping[str, Any], number: int, session_id: str) -> Entry | None:
    """The place of the line in the chain, without what it says. Never raises."""
    place = _place(value, number, session_id)
    return Entry(**place) if place else None


def _place(value: Mapping[str, Any], number: int, session_id: str) -> dict[str, Any] | None:
    uuid, agent = text(value.get("uuid")), text(value.get("agentId"))
    if uuid is None:
        return None
    return {
        "number": number,
        "uuid": uuid,
        "parent": text(value.get("parentUuid")),
        "session_id": text(value.get("sessionId")) or session_id,
        "agent": agent,
        "is_sidechain": value.get("isSidechain") is True or agent is not None,
        "time_ms": epoch_ms(value.get("timestamp")),
    }


def _content(value: Mapping[str, Any], uuid: str) -> dict[str, Any]:
    """What the line is to the prompt, as fields of `Entry`."""
    kind = value.get("type")
    if kind in ("user", "assistant"):
        message = value.get("message")
        if not isinstance(message, Mapping):
            raise ValueError("message: not an object")
        return _user(value, message) if kind == "user" else _reply(value, message, uuid)
    if kind == "system":
        return _system(value, uuid)
    return _attachment(mapping(value.get("attachment"))) if kind == "attachment" else {}


def _heard(content: Any) -> dict[str, Any]:
    blocks = blocks_of(content)
    results = [block for block in blocks if block["type"] == "tool_result"]
    rest = [block for block in blocks if block["type"] != "tool_result"]
    said, told = tuple(parts_of(rest)), tuple(map(tool_message, results))
    return {"kind": Kind.USER, "results": told, "said": said}


def _user(value: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    is_summary = value.get("isCompactSummary") is True
    return _heard(message.get("content")) | {"is_summary": is_summary}


def _reply(value: Mapping[str, Any], message: Mapping[str, Any], uuid: str) -> dict[str, Any]:
    if value.get("isApiErrorMessage") is True:
        return {}
    content = message.get("content")
    reply = Reply(
        message_id=text(message.get("id")) or uuid,
        message=assistant_message(content),
        model=text(message.get("model")),
        usage=recorded_usage(message.get("usage")),
        is_final=text(message.get("stop_reason")) is not None,
    )
    loses = _THINKING if lost_thinking(content) else frozenset()
    return {"kind": Kind.REPLY, "reply": reply, "loses": loses}


def _system(value: Mapping[str, Any], uuid: str) -> dict[str, Any]:
    subtype = value.get("subtype")
    if subtype == "compact_boundary":
        kept = mapping(mapping(value.get("compactMetadata")).get("preservedSegment"))
        head, anchor = text(kept.get("headUuid")), text(kept.get("anchorUuid"))
        return {"kind": Kind.BOUNDARY, "preserved": (head, anchor or uuid) if head else None}
    if subtype == "microcompact_boundary":
        ids = mapping(value.get("microcompactMetadata")).get("compactedToolIds")
        cleared = [i for i in ids if isinstance(i, str)] if isinstance(ids, list) else []
        return {"kind": Kind.CLEARING, "cleared": tuple(cleared)}
    told = subtype == "local_command" and text(value.get("content"))
    return _heard(told) if told else {}


def _attachment(attachment: Mapping[str, Any]) -> dict[str, Any]:
    kind = text(attachment.get("type"))
    if kind == "queued_command" and attachment.get("prompt"):
        return _heard(attachment["prompt"])
    if kind in _SILENT or (kind == "hook_success" and not attachment.get("content")):
        return {}
    return {"loses": _ATTACHMENTS}
