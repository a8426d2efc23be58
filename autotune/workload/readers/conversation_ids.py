"""Which conversation a request says it belongs to, in its body or its headers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from autotune.workload.readers.checks import mapping, text
from autotune.workload.readers.logged import Conversation

_CERTAIN_KEYS = (
    *("session_id", "sessionId", "litellm_session_id", "conversation_id", "conversationId"),
    *("thread_id", "threadId", "chat_id"),
)
_LOOSE_KEYS = ("prompt_cache_key", "user", "safety_identifier")

_HEADER = re.compile(r"(?:^|[-_])(?:session|conversation|thread|chat)[-_]id$", re.IGNORECASE)
"""``session_id`` and ``conversation_id`` (Codex), ``x-session-id``, ``x-litellm-session-id``."""

_PLAIN = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_CLAUDE_CODE = re.compile(r"_session_([0-9a-fA-F-]{8,})$")
"""How Claude Code ends ``metadata.user_id``; newer versions put a JSON object there."""


def conversation_of(
    body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Conversation | None:
    """The id that the request carries: of a session for certain, else of whatever holds it.

    Headers are given by name; those that hold secrets are never looked at.
    """
    certain = _certain(body) or _from_headers(headers or {})
    if certain:
        return Conversation(certain, certain=True)
    loose = next((found for key in _LOOSE_KEYS if (found := text(body.get(key)))), None)
    return Conversation(loose) if loose else None


def _certain(body: Mapping[str, Any]) -> str | None:
    metadata = mapping(body.get("metadata"))
    for source in (metadata, body, mapping(body.get("litellm_metadata"))):
        found = next((known for key in _CERTAIN_KEYS if (known := text(source.get(key)))), None)
        if found:
            return found
    conversation = body.get("conversation")
    named = text(conversation) or text(mapping(conversation).get("id"))
    return named or _of_claude_code(text(metadata.get("user_id")))


def _of_claude_code(user_id: str | None) -> str | None:
    if user_id is None:
        return None
    if user_id.startswith("{"):
        try:
            return text(mapping(json.loads(user_id)).get("session_id"))
        except (ValueError, RecursionError):
            return None
    match = _CLAUDE_CODE.search(user_id)
    return match.group(1) if match else None


def _from_headers(headers: Mapping[str, str]) -> str | None:
    """A session's id is kept when it is a plain id; what may be a secret becomes a hash."""
    value = next((v for name, v in headers.items() if v and _HEADER.search(name)), None)
    if value is None or _PLAIN.fullmatch(value):
        return value
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:12]
