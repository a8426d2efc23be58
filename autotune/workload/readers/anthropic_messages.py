"""JSON lines of Anthropic Messages requests: bare bodies, or with the reply beside them.

A line is a body (``messages``, and ``system``, ``tools`` or blocks of this API), or it holds one
under ``request`` or ``body``, with the reply under ``response``. Times are taken where a line has
them: `timestamp` (when it was sent), `ttft_ms`, `latency_ms`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Recorded, Session
from autotune.workload.readers.anthropic_shape import (
    chat_messages,
    chat_params,
    chat_reply,
    chat_tools,
    is_request,
    recorded_usage,
)
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import epoch_ms, mapping, span_ms, text
from autotune.workload.readers.logged import LoggedRequest
from autotune.workload.readers.threads import RequestLog

NAME = "anthropic-messages"
_WRAPPERS = ("request", "body")


class AnthropicMessagesReader:
    """Reads logs of requests to ``/v1/messages``."""

    name = NAME
    description = "Anthropic Messages requests, one a line, bare or {request, response}"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is, or wraps, a request that only this API takes; a promptreplay trace, which
        wraps one too, has a path and a number."""
        return not line.keys() >= {"seq", "path"} and is_request(_body(line))

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The conversations of `file`, in the order in which they began."""
        log = RequestLog(NAME, file_hash(file.path))
        for line in read_objects(file, ledger):
            with ledger.checked(file.name, line.number):
                log.add(_request(line))
        yield from log.sessions()


def _body(line: Mapping[str, Any]) -> Any:
    """The request in `line`: under a wrapper, or the line itself."""
    wrapped = (line[key] for key in _WRAPPERS if isinstance(line.get(key), Mapping))
    return next(wrapped, line)


def _request(line: JsonLine) -> LoggedRequest:
    body, reply = mapping(_body(line.value)), mapping(line.value.get("response"))
    recorded = _recorded(line.value, body, reply)
    failed = reply.get("type") == "error"
    return LoggedRequest(
        messages=chat_messages(body),
        line=line.number,
        tools=chat_tools(body),
        params=chat_params(body),
        response=chat_reply(reply),
        recorded=recorded,
        output_tokens=recorded.completion_tokens,
        timestamp_ms=epoch_ms(line.value.get("timestamp")),
        failed=failed,
        origin={"error": _reason(reply)} if failed else {},
    )


def _reason(reply: Mapping[str, Any]) -> str:
    return text(mapping(reply.get("error")).get("type")) or "error"


def _recorded(
    line: Mapping[str, Any], body: Mapping[str, Any], reply: Mapping[str, Any]
) -> Recorded:
    return replace(
        recorded_usage(reply.get("usage")),
        ttft_ms=span_ms(line.get("ttft_ms")),
        latency_ms=span_ms(line.get("latency_ms")),
        model=text(reply.get("model")) or text(body.get("model")),
    )
