"""One streamed chat completion, for checking that an engine keeps the contract.

Measuring is done elsewhere, by a client that parses after the clock has stopped; this one stamps
lines as it reads them, which is enough to tell what came before the first token.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from autotune.launchers.habits import timing_paths_of
from autotune.launchers.http import dig
from autotune.launchers.protocol import CacheArm, Launcher, Server

_CACHED = ("usage.prompt_tokens_details.cached_tokens", "timings.cache_n")
_PREFILL: Mapping[str, float] = {
    "timings.prompt_ms": 1e-3,
    "usage.prompt_eval_duration": 1.0,
    "metrics.time_to_first_token_ms": 1e-3,
}
"""Where engines say how long they read the prompt, and the seconds in their unit."""

_TEXTS = ("reasoning_content", "reasoning", "content")
_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a stream said; absent is ``None``. `done` is whether ``[DONE]`` came.

    Times are seconds since the request was sent: `headers_s` when the status line was there,
    `token_s` every chunk that carries text or a call, `empty_s` every chunk with a delta that
    carries neither and came before the first token, `end_s` the end. `prefill_s` is the engine's
    own word on how long it read the prompt.
    """

    status: int
    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    done: bool = False
    prefill_s: float | None = None
    headers_s: float = 0.0
    token_s: tuple[float, ...] = ()
    empty_s: tuple[float, ...] = ()
    end_s: float = 0.0
    first_text: str = ""

    @property
    def ttft_s(self) -> float | None:
        """Seconds to the first chunk that carries a token."""
        return self.token_s[0] if self.token_s else None


def chat(
    launcher: Launcher,
    server: Server,
    messages: tuple[Mapping[str, Any], ...],
    arm: CacheArm,
    output_tokens: int,
) -> Reply:
    """Send `messages` as a study would and read the whole stream."""
    with _sent(launcher, server, messages, arm, output_tokens) as (response, sent_s):
        headers_s = time.monotonic() - sent_s
        if response.status != 200:
            return Reply(response.status, text=response.read().decode(errors="replace")[:300])
        lines = _Lines(sent_s)
        for data in _data(response):
            lines.take(data)
        return lines.reply(launcher, headers_s)


def drop(
    launcher: Launcher,
    server: Server,
    messages: tuple[Mapping[str, Any], ...],
    arm: CacheArm,
    output_tokens: int,
) -> None:
    """Send `messages` and hang up at the first token, as a client does that was interrupted."""
    with _sent(launcher, server, messages, arm, output_tokens) as (response, sent_s):
        lines = _Lines(sent_s)
        for data in _data(response):
            lines.take(data)
            if lines.token_s:
                return


@contextmanager
def _sent(
    launcher: Launcher,
    server: Server,
    messages: tuple[Mapping[str, Any], ...],
    arm: CacheArm,
    output_tokens: int,
) -> Iterator[tuple[http.client.HTTPResponse, float]]:
    """The answer to a request, and when the request was sent; closed at the end of the block."""
    body = {
        "model": launcher.model_name,
        "messages": list(messages),
        "stream": True,
        **launcher.request_fields(arm, output_tokens),
    }
    parts = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    with closing(connection):
        headers = {"Content-Type": "application/json", "Connection": "close"}
        sent_s = time.monotonic()
        connection.request("POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
        with closing(connection.getresponse()) as response:
            yield response, sent_s


def _data(response: http.client.HTTPResponse) -> Iterator[str]:
    for raw in response:
        line = raw.decode(errors="replace").strip()
        if line.startswith("data:"):
            yield line.removeprefix("data:").strip()


@dataclass(slots=True)
class _Lines:
    """The stream so far. Raises ``ValueError`` for a chunk that is not JSON."""

    sent_s: float
    chunks: list[Any] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    token_s: list[float] = field(default_factory=list)
    empty_s: list[float] = field(default_factory=list)
    done: bool = False

    def take(self, data: str) -> None:
        now_s = time.monotonic() - self.sent_s
        if data == "[DONE]":
            self.done = True
            return
        self.chunks.append(chunk := json.loads(data))
        delta = dig(chunk, "choices.0.delta")
        if not isinstance(delta, dict):
            return
        text = "".join(delta.get(key) or "" for key in _TEXTS)
        if text or delta.get("tool_calls"):
            self.texts.append(text)
            self.token_s.append(now_s)
        elif not self.token_s:
            self.empty_s.append(now_s)

    def reply(self, launcher: Launcher, headers_s: float) -> Reply:
        path = launcher.cached_tokens_path
        paths = (path,) if path is not None else _CACHED
        return Reply(
            status=200,
            text="".join(self.texts),
            finish_reason=self._last("choices.0.finish_reason"),
            prompt_tokens=self._last("usage.prompt_tokens"),
            output_tokens=self._last("usage.completion_tokens"),
            cached_tokens=next((n for p in paths if (n := self._last(p)) is not None), None),
            done=self.done,
            prefill_s=self._prefill_s(launcher),
            headers_s=headers_s,
            token_s=tuple(self.token_s),
            empty_s=tuple(self.empty_s),
            end_s=time.monotonic() - self.sent_s,
            first_text=self.texts[0] if self.texts else "",
        )

    def _prefill_s(self, launcher: Launcher) -> float | None:
        own = timing_paths_of(launcher)
        places = dict([own["prefill"]]) if "prefill" in own else _PREFILL
        for path, unit_s in places.items():
            found = self._last(path)
            if isinstance(found, (int, float)):
                return float(found) * unit_s
        return None

    def _last(self, path: str) -> Any:
        found = [value for chunk in self.chunks if (value := dig(chunk, path)) is not None]
        return found[-1] if found else None
