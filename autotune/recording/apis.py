"""Which requests carry a prompt, by their path, and what an error looks like to their clients."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum

Header = tuple[bytes, bytes]
"""Name in lower case and value, as the wire has them."""


class Api(StrEnum):
    """The requests that are recorded; the names stand in `origin` of a capture."""

    CHAT = "openai-chat"
    COMPLETIONS = "openai-completions"
    RESPONSES = "openai-responses"
    MESSAGES = "anthropic-messages"


_ENDINGS: tuple[tuple[bytes, Api], ...] = (
    (b"/chat/completions", Api.CHAT),
    (b"/completions", Api.COMPLETIONS),
    (b"/responses", Api.RESPONSES),
    (b"/messages", Api.MESSAGES),
)
"""What comes before differs: ``/v1``, ``/openai/deployments/NAME``, nothing at all."""


def recorded_api(method: str, path: bytes) -> Api | None:
    """The API of a request that asks a model for a reply; ``None`` for every other request.

    ``/v1/messages/count_tokens`` counts and generates nothing: it is none.
    """
    if method != "POST":
        return None
    bare = path.rstrip(b"/")
    return next((api for ending, api in _ENDINGS if bare.endswith(ending)), None)


def speaks_anthropic(path: bytes, headers: Iterable[Header]) -> bool:
    """Whether the client expects Anthropic's errors."""
    if b"/messages" in path:
        return True
    return any(name == b"anthropic-version" for name, _ in headers)


def error_body(*, anthropic: bool, code: str, message: str) -> bytes:
    """A JSON error in the shape of the client's API."""
    if anthropic:
        value: dict[str, object] = {
            "type": "error",
            "error": {"type": "api_error", "message": message},
        }
    else:
        error = {"message": message, "type": "upstream_error", "param": None, "code": code}
        value = {"error": error}
    return json.dumps(value).encode()
