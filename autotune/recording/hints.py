"""What a request says of the conversation that it belongs to: its headers and its metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autotune.recording.apis import Header
from autotune.recording.headers import header

_SESSION_HEADERS = (
    b"x-claude-code-session-id",
    b"thread-id",
    b"thread_id",
    b"session_id",
    b"session-id",
    b"conversation_id",
    b"conversation-id",
    b"x-opencode-session",
    b"x-qwen-code-session-id",
    b"x-session-id",
    b"x-conversation-id",
)
"""Claude Code since 2.1.86; Codex, whose thread is narrower than its session; opencode; others."""

_AGENT_HEADERS = (b"x-claude-code-agent-id",)
"""Claude Code since 2.1.139 names each sub-agent; its main loop sends no such header."""

_PARENT_HEADERS = (b"x-codex-parent-thread-id", b"x-opencode-parent-session")

_BODY_SESSIONS = ("session_id", "litellm_session_id", "conversation_id")
_LEGACY_USER_ID = re.compile(r"_session_([A-Za-z0-9-]{8,})$")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLAIN = re.compile(r"[A-Za-z0-9._:@/~+-]{1,128}")


@dataclass(frozen=True, slots=True)
class Hints:
    """`session` is the conversation's name, `agent` a part of it, `parent` who started it."""

    session: str | None = None
    agent: str | None = None
    parent: str | None = None


NO_HINTS = Hints()


def hints_of_headers(headers: Sequence[Header]) -> Hints:
    """What the headers say."""
    return Hints(
        session=_first(headers, _SESSION_HEADERS),
        agent=_first(headers, _AGENT_HEADERS),
        parent=_first(headers, _PARENT_HEADERS),
    )


def with_body(hints: Hints, body: Mapping[str, Any]) -> Hints:
    """`hints` with what the body says where the headers said nothing."""
    if hints.session is not None:
        return hints
    metadata = body.get("metadata")
    session = _of_metadata(metadata) if isinstance(metadata, Mapping) else None
    session = session or next((s for s in map(body.get, _BODY_SESSIONS) if _is_plain(s)), None)
    return Hints(session or _cache_key(body.get("prompt_cache_key")), hints.agent, hints.parent)


def _of_metadata(metadata: Mapping[str, Any]) -> str | None:
    """Claude Code puts its session into ``user_id``: as a suffix, since 2.1.78 as JSON.

    The rest of that value names a device and an account, and is left where it is.
    """
    named = next((metadata.get(n) for n in _BODY_SESSIONS if _is_plain(metadata.get(n))), None)
    user_id = metadata.get("user_id")
    if named is not None or not isinstance(user_id, str):
        return named
    if (legacy := _LEGACY_USER_ID.search(user_id)) is not None:
        return legacy.group(1)
    try:
        value = json.loads(user_id)
    except (ValueError, RecursionError):
        return None
    session = value.get("session_id") if isinstance(value, dict) else None
    return session if _is_plain(session) else None


def _cache_key(value: Any) -> str | None:
    """Codex's cache key is its conversation's UUID; others share one key among all sessions."""
    return value if isinstance(value, str) and _UUID.fullmatch(value) else None


def _first(headers: Sequence[Header], names: Sequence[bytes]) -> str | None:
    values = (header(headers, name) for name in names)
    return next((value for value in values if _is_plain(value)), None)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and _PLAIN.fullmatch(value) is not None
