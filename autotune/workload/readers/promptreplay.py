"""promptreplay traces (``seq, path, body`` a line): Anthropic requests as a proxy saw them.

The proxy writes a line when the reply has ended, with the time of that moment in whole seconds
(promptreplay 0.2, ``bench/proxy.py``), so the request was sent ``latency_ms`` before, and idle
times are good to a second. Its time to first token is that of the first bytes. Replies are not in
the trace; the next prompt carries them. A call that failed has counts of zero, never measured.

Side calls (titles, summaries) stand between the requests of the main loop. The trace names
conversations by the first words of the first user message, which many share; so prompts decide.
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
    chat_tools,
    recorded_usage,
)
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import count, epoch_ms, mapping, span_ms, text
from autotune.workload.readers.logged import LoggedRequest
from autotune.workload.readers.threads import RequestLog

NAME = "promptreplay"
_KEYS = frozenset({"seq", "path", "body"})
_OK = 200


class PromptreplayReader:
    """Reads traces that ``promptreplay record`` and ``scrub`` write."""

    name = NAME
    description = "promptreplay traces: one Anthropic request a line, with timing"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line has a number, a path and a body."""
        has_keys = line.keys() >= _KEYS and isinstance(line["path"], str)
        return has_keys and isinstance(line["body"], Mapping)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The conversations of `file`, in the order in which they began."""
        log = RequestLog(NAME, file_hash(file.path))
        for line in read_objects(file, ledger):
            with ledger.checked(file.name, line.number):
                log.add(_request(line))
        yield from log.sessions()


def _request(line: JsonLine) -> LoggedRequest:
    body, reply = mapping(line.value.get("body")), mapping(line.value.get("response"))
    recorded, end_ms = _recorded(reply, body), epoch_ms(line.value.get("ts"))
    known = end_ms is not None and recorded.latency_ms is not None
    failure = _failure(reply)
    return LoggedRequest(
        messages=chat_messages(body),
        line=line.number,
        tools=chat_tools(body),
        params=chat_params(body),
        recorded=recorded,
        output_tokens=recorded.completion_tokens,
        timestamp_ms=(end_ms or 0.0) - (recorded.latency_ms or 0.0) if known else None,
        failed=failure is not None,
        origin={"error": failure} if failure else {},
    )


def _recorded(reply: Mapping[str, Any], body: Mapping[str, Any]) -> Recorded:
    usage = Recorded() if _failure(reply) else recorded_usage(reply.get("usage"))
    if not usage.prompt_tokens:
        usage = Recorded()
    return replace(
        usage,
        ttft_ms=span_ms(reply.get("ttft_ms")),
        latency_ms=span_ms(reply.get("latency_ms")),
        model=text(reply.get("model")) or text(body.get("model")),
    )


def _failure(reply: Mapping[str, Any]) -> str | None:
    """Why there is no reply, if there is none."""
    status = count(reply.get("status"))
    if status is not None and status != _OK:
        return f"status {status}"
    return text(reply.get("error"))
