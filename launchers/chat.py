"""One streamed chat completion, for checking that an engine keeps the contract.

Measuring is done elsewhere, by a client that stamps arrivals; this one only reads what was said.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from autotune.launchers.http import dig
from autotune.launchers.protocol import CacheArm, Launcher, Server

_CACHED = ("usage.prompt_tokens_details.cached_tokens", "timings.cache_n")
_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a stream said; absent is ``None``. `done` is whether ``[DONE]`` came."""

    status: int
    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    done: bool = False


def chat(
    launcher: Launcher,
    server: Server,
    messages: tuple[Mapping[str, Any], ...],
    arm: CacheArm,
    output_tokens: int,
) -> Reply:
    """Send `messages` as a study would and read the whole stream."""
    body = {
        "model": launcher.model_name,
        "messages": list(messages),
        "stream": True,
        **launcher.request_fields(arm, output_tokens),
    }
    parts = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    with closing(connection):
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
        response = connection.getresponse()
        if response.status != 200:
            return Reply(response.status, text=response.read().decode(errors="replace")[:300])
        return _assembled(list(_data(response)), launcher.cached_tokens_path)


def _data(response: http.client.HTTPResponse) -> Iterator[str]:
    for raw in response:
        line = raw.decode(errors="replace").strip()
        if line.startswith("data:"):
            yield line.removeprefix("data:").strip()


def _assembled(data: list[str], cached_path: str | None) -> Reply:
    chunks = [json.loads(text) for text in data if text != "[DONE]"]
    paths = (cached_path,) if cached_path is not None else _CACHED
    return Reply(
        status=200,
        text="".join(_words(chunk) for chunk in chunks),
        finish_reason=_last(chunks, "choices.0.finish_reason"),
        prompt_tokens=_last(chunks, "usage.prompt_tokens"),
        output_tokens=_last(chunks, "usage.completion_tokens"),
        cached_tokens=next((n for p in paths if (n := _last(chunks, p)) is not None), None),
        done="[DONE]" in data,
    )


def _words(chunk: Any) -> str:
    delta = dig(chunk, "choices.0.delta") or {}
    return (delta.get("reasoning_content") or "") + (delta.get("content") or "")


def _last(chunks: list[Any], path: str) -> Any:
    found = [value for chunk in chunks if (value := dig(chunk, path)) is not None]
    return found[-1] if found else None
