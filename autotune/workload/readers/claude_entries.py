"""One line of a Claude Code transcript, reduced to what a prompt is put together from.

Lines with a ``uuid`` form a tree over ``parentUuid``; all others are settings, titles and copies of
the user interface. Only `user` and `assistant` lines, what was typed while the model worked
(``queued_command``) and the output of local commands reach the prompt; other attachments reach it
too, but how they are rendered is not recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from autotune.workload.model import Recorded
from autotune.workload.readers.anthropic_parts import Block, blocks_of
from autotune.workload.readers.anthropic_shape import (
    assistant_message,
    lost_thinking,
    recorded_usage,
    user_messages,
)
from autotune.workload.readers.checks import epoch_ms, mapping, text

SYNTHETIC = "<synthetic>"
"""The model of replies that the client wrote itself: no request was made for them."""

_SILENT = frozenset({"command_permissions", "hook_system_message", "hook_cancelled"})
_CUT = frozenset({"signature", "data"})


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
    """A line of the tree. `number` counts from 1; `lane` is the thread it was written for."""

    number: int
    uuid: str
    parent: str | None
    session_id: str
    kind: Kind = Kind.LINK
    agent: str | None = None
    is_sidechain: bool = False
    is_summary: bool = False
    time_ms: float | None = None
    blocks: tuple[Block, ...] = ()
    loses: frozenset[str] = frozenset()
    reply: Reply | None = None
    preserved: tuple[str, str] | None = None
    cleared: tuple[str, ...] = ()

    @property
    def lane(self) -> tuple[str, str | None, bool]:
        """Whose lines these are: session, agent, and whether it is a side chain."""
        return self.session_id, self.agent, self.is_sidechain

    @property
    def calls(self) -> tuple[str, ...]:
        """The ids of the tools that this line calls."""
        if self.kind is not Kind.REPLY:
            return ()
        return tuple(block["id"] for block in self.blocks if block["type"] == "tool_use")


@dataclass(frozen=True, slots=True)
class Reply:
    """What an assistant line says of its request. Lines of one `message_id` are one reply."""

    message_id: str
    model: str | None = None
    usage: Recorded = field(default_factory=Recorded)
    is_final: bool = False
    """Whether the line names a stop reason: without one the counts are those of the start."""


def parse_entry(value: Mapping[str, Any], number: int, session_id: str) -> Entry | None:
    """The line as an entry; ``None`` for one that is not of the tree.

    `session_id` is used where the line names none. Raises `ValueError` when a message has no shape
    of the API; `link` then keeps its place in the chain.
    """
    link = link_entry(value, number, session_id)
    if link is None:
        return None
    kind = value.get("type")
    if kind in ("user", "assistant"):
        return _message(value, link, is_reply=kind == "assistant")
    if kind == "system":
        return _system(value, link)
    if kind == "attachment":
        return _attachment(mapping(value.get("attachment")), link)
    return link


def link_entry(value: Mapping[str, Any], number: int, session_id: str) -> Entry | None:
    """The place of the line in the chain, without what it says. Never raises."""
    uuid = text(value.get("uuid"))
    if uuid is None:
        return None
    agent = text(value.get("agentId"))
    return Entry(
        number=number,
        uuid=uuid,
        parent=text(value.get("parentUuid")),
        session_id=text(value.get("sessionId")) or session_id,
        agent=agent,
        is_sidechain=value.get("isSidechain") is True or agent is not None,
        time_ms=epoch_ms(value.get("timestamp")),
    )


def _message(value: Mapping[str, Any], link: Entry, *, is_reply: bool) -> Entry:
    message = value.get("message")
    if not isinstance(message, Mapping):
        raise ValueError("message: not an object")
    if is_reply and value.get("isApiErrorMessage") is True:
        return link
    content = message.get("content")
    blocks = tuple(_slim(block) for block in blocks_of(content))
    (assistant_message if is_reply else user_messages)(list(blocks))
    if not is_reply:
        is_summary = value.get("isCompactSummary") is True
        return replace(link, kind=Kind.USER, blocks=blocks, is_summary=is_summary)
    loses = frozenset({"thinking"}) if lost_thinking(content) else frozenset()
    reply = _reply(message, link)
    return replace(link, kind=Kind.REPLY, blocks=blocks, reply=reply, loses=loses)


def _slim(block: Block) -> Block:
    """The block without signatures and encrypted thinking, which are no tokens here."""
    if block.get("type") not in ("thinking", "redacted_thinking"):
        return block
    return {key: value for key, value in block.items() if key not in _CUT}


def _reply(message: Mapping[str, Any], link: Entry) -> Reply:
    return Reply(
        message_id=text(message.get("id")) or link.uuid,
        model=text(message.get("model")),
        usage=recorded_usage(message.get("usage")),
        is_final=text(message.get("stop_reason")) is not None,
    )


def _system(value: Mapping[str, Any], link: Entry) -> Entry:
    subtype = value.get("subtype")
    if subtype == "compact_boundary":
        kept = mapping(mapping(value.get("compactMetadata")).get("preservedSegment"))
        head, anchor = text(kept.get("headUuid")), text(kept.get("anchorUuid"))
        preserved = (head, anchor or link.uuid) if head else None
        return replace(link, kind=Kind.BOUNDARY, preserved=preserved)
    if subtype == "microcompact_boundary":
        ids = mapping(value.get("microcompactMetadata")).get("compactedToolIds")
        cleared = [i for i in ids if isinstance(i, str)] if isinstance(ids, list) else []
        return replace(link, kind=Kind.CLEARING, cleared=tuple(cleared))
    if subtype == "local_command" and text(value.get("content")):
        return replace(link, kind=Kind.USER, blocks=tuple(blocks_of(value["content"])))
    return link


def _attachment(attachment: Mapping[str, Any], link: Entry) -> Entry:
    kind = text(attachment.get("type"))
    if kind == "queued_command" and attachment.get("prompt"):
        blocks = tuple(blocks_of(attachment["prompt"]))
        user_messages(list(blocks))
        return replace(link, kind=Kind.USER, blocks=blocks)
    if kind in _SILENT or (kind == "hook_success" and not attachment.get("content")):
        return link
    return replace(link, loses=frozenset({"attachments"}))
