"""Small questions to an engine on this machine: no proxy, no TLS, no retry."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body; a body that is not JSON is ``None``."""

    status: int
    body: Any


def ask(base_url: str, path: str, payload: Any = None, *, timeout_s: float = 5.0) -> Answer | None:
    """GET, or POST when there is a payload. ``None`` when nobody answers in time."""
    answered = _exchange(base_url, path, payload, timeout_s)
    return None if answered is None else Answer(answered[0], _json(answered[1]))


def ask_ok(
    base_url: str, path: str, payload: Any = None, *, timeout_s: float = 5.0
) -> Answer | None:
    """As `ask`, but only an answer with status 200."""
    answer = ask(base_url, path, payload, timeout_s=timeout_s)
    return answer if answer is not None and answer.status == 200 else None


def ask_text(base_url: str, path: str, *, timeout_s: float = 5.0) -> str | None:
    """The body of a GET as text; ``None`` when nobody answers in time, or not with 200."""
    answered = _exchange(base_url, path, None, timeout_s)
    if answered is None or answered[0] != 200:
        return None
    return answered[1].decode("utf-8", errors="replace")


def _exchange(base_url: str, path: str, payload: Any, timeout_s: float) -> tuple[int, bytes] | None:
    """One request: status and body."""
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        _send(connection, parts.path + path, payload)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _send(connection: http.client.HTTPConnection, path: str, payload: Any) -> None:
    if payload is None:
        connection.request("GET", path)
    else:
        body = json.dumps(payload).encode()
        connection.request("POST", path, body, {"Content-Type": "application/json"})


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def dig(body: Any, dotted: str) -> Any:
    """The value at a dotted path (digits index lists); ``None`` where there is none."""
    for key in dotted.split("."):
        if isinstance(body, dict):
            body = body.get(key)
        elif isinstance(body, list) and key.isdigit() and int(key) < len(body):
            body = body[int(key)]
        else:
            return None
    return body
