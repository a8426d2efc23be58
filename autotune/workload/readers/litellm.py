"""LiteLLM request logs: the gateway's `StandardLoggingPayload`, and rows of its spend log.

A payload is what callbacks are given (files, S3, GCS): ``messages``, ``response``,
``model_parameters`` with the tools, times in seconds. A spend-log row has the client's body in
``proxy_server_request``, as JSON text, when ``store_prompts_in_spend_logs`` is on; the database
cuts strings that are longer than its limit in the middle and says so, and such a prompt is not
exact.
What the gateway answered from its own cache never reached a model and is no request.
(https://docs.litellm.ai/docs/proxy/logging_spec)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import PromptFidelity, Recorded, Session
from autotune.workload.readers.anthropic_shape import recorded_usage as anthropic_usage
from autotune.workload.readers.api_body import Api, Body, Reply, api_of_url, parse_reply
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import (
    count,
    difference_ms,
    epoch_ms,
    mapping,
    text,
    unpacked,
)
from autotune.workload.readers.conversation_ids import conversation_of
from autotune.workload.readers.logged import Conversation, LoggedRequest
from autotune.workload.readers.openai_shape import usage_counts
from autotune.workload.readers.records import listed_records, records
from autotune.workload.readers.response_chain import ResponseChain
from autotune.workload.readers.threads import RequestLog
from autotune.workload.rendered import content_text

NAME = "litellm"

_KEYS = frozenset({"call_type", "startTime", "endTime"})
_WRAPPER = "standard_logging_object"
_REDACTED = "redacted-by-litellm"
_CUT = re.compile(r"litellm_truncated (?:skipped )?\d+ chars")
_OTHER_CALLS = re.compile(
    "embed|image|video|transcription|speech|ocr|moderation|rerank|search|vector|realtime|mcp|file"
    "|batch|count_tokens|health"
)


class LiteLLMReader:
    """Reads lines of payloads or rows, and documents that list them."""

    name = NAME
    description = "LiteLLM request logs: StandardLoggingPayload lines, spend-log rows"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line has a kind of call and its times."""
        return _payload(line).keys() >= _KEYS

    def claims_document(self, document: Any) -> bool:
        """The document is one payload, or lists them, at the top or under ``data``."""
        rows = listed_records(document) or []
        return bool(rows) and all(self.claims(mapping(row)) for row in rows[:50])

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The conversations that the calls make, in the order of their start."""
        log, chain = RequestLog(NAME, file_hash(file.path)), ResponseChain()
        for line in records(file, ledger, self.claims):
            row = _payload(line.value)
            if _is_other_call(row):
                continue
            with ledger.checked(file.name, line.number):
                log.add(_logged(row, line.number, chain))
        yield from log.sessions()


def _payload(line: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(line.get(_WRAPPER)) or line


def _is_other_call(row: Mapping[str, Any]) -> bool:
    """Whether no model was asked for text: another kind of call, or an answer from the cache."""
    kind = str(row.get("call_type")).lower()
    return bool(_OTHER_CALLS.search(kind)) or str(row.get("cache_hit")).lower() == "true"


def _logged(row: Mapping[str, Any], number: int, chain: ResponseChain) -> LoggedRequest:
    """The request of a row with its reply. Raises `ValueError`."""
    body, api = _body(row)
    parsed = chain.body(body, api)
    _refuse_redacted(parsed)
    reply = parse_reply(row.get("response"))
    chain.answered(body, parsed, reply)
    failed = row.get("status") == "failure" or reply.failed
    recorded = _recorded(row, reply, parsed)
    cut = _is_cut(row, parsed)
    return LoggedRequest(
        messages=parsed.messages,
        line=number,
        tools=parsed.tools,
        params=parsed.params,
        response=None if failed else reply.message,
        recorded=recorded,
        output_tokens=recorded.completion_tokens,
        timestamp_ms=epoch_ms(row.get("startTime")),
        conversation=_conversation(row, body),
        failed=failed,
        fidelity=PromptFidelity.REBUILT if cut else parsed.fidelity,
        missing=(*parsed.missing, "text") if cut else parsed.missing,
    )


def _body(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], Api | None]:
    """The client's body where it is kept, else one of the payload's parts. Raises `ValueError`."""
    sent = mapping(unpacked(row.get("proxy_server_request")))
    body = mapping(unpacked(sent.get("body"))) or sent
    if any(body.get(key) for key in ("messages", "input", "prompt")):
        url = sent.get("url")
        return body, api_of_url(url) if isinstance(url, str) else None
    messages, kind = unpacked(row.get("messages")), str(row.get("call_type")).lower()
    if not messages:
        raise ValueError("messages: the gateway did not store them")
    params = {**mapping(row.get("model_parameters")), "model": row.get("model")}
    if "responses" in kind:
        return {**params, "input": messages}, Api.RESPONSES
    if isinstance(messages, str):
        return {**params, "prompt": messages}, Api.COMPLETIONS
    body = {**params, "messages": messages}
    return body, Api.MESSAGES if "anthropic_messages" in kind else None


def _refuse_redacted(parsed: Body) -> None:
    """Raises `ValueError` for a prompt whose text the gateway replaced."""
    if any(message.get("content") == _REDACTED for message in parsed.messages):
        raise ValueError("messages: redacted by the gateway")


def _is_cut(row: Mapping[str, Any], parsed: Body) -> bool:
    """Whether the database cut a string of the request."""
    sent = row.get("proxy_server_request")
    if isinstance(sent, str):
        return _CUT.search(sent) is not None
    return any(_CUT.search(content_text(message)) for message in parsed.messages)


def _conversation(row: Mapping[str, Any], body: Mapping[str, Any]) -> Conversation | None:
    """The session that the client or the gateway named; a trace may be no more than one call."""
    metadata = mapping(unpacked(row.get("metadata")))
    sources = (body, row, metadata, mapping(metadata.get("requester_metadata")))
    found = [known for source in sources if (known := conversation_of(source))]
    certain = next((known for known in found if known.certain), None)
    trace = text(row.get("trace_id"))
    if certain is None and trace:
        certain = Conversation(trace, certain=True)
    return certain or next(iter(found), None)


def _recorded(row: Mapping[str, Any], reply: Reply, parsed: Body) -> Recorded:
    """Counts of the row, which hold the cached tokens; a zero is the column's default."""
    known, usage = reply.recorded, mapping(unpacked(row.get("metadata"))).get("usage_object")
    details = usage_counts({"prompt_tokens_details": row.get("prompt_tokens_details")})
    cached = (
        known.cached_tokens,
        usage_counts(usage).cached_tokens,
        anthropic_usage(usage).cached_tokens,
        details.cached_tokens,
    )
    start, end = epoch_ms(row.get("startTime")), epoch_ms(row.get("endTime"))
    return replace(
        known,
        prompt_tokens=count(row.get("prompt_tokens")) or known.prompt_tokens or None,
        cached_tokens=next((value for value in cached if value is not None), None),
        completion_tokens=count(row.get("completion_tokens")) or known.completion_tokens or None,
        ttft_ms=_ttft_ms(row, start, end),
        latency_ms=difference_ms(start, end),
        model=known.model or text(row.get("model")) or parsed.model,
    )


def _ttft_ms(row: Mapping[str, Any], start: float | None, end: float | None) -> float | None:
    """To ``completionStartTime``; without a stream that is the end, and says nothing."""
    first = epoch_ms(row.get("completionStartTime"))
    if first is None or end is None or first >= end:
        return None
    return difference_ms(start, first)
