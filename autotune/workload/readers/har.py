"""HAR 1.2 documents: what a browser, proxy or debugger saw of a client's model requests.

Every POST to a model API is a request; the rest of the traffic is passed over. `time` is how long
it took; the time to the first token is not in a HAR, since `timings.wait` ends with the headers.
Headers, cookies and addresses hold secrets: nothing of them leaves this reader but a session's id.
(http://www.softwareishard.com/blog/har-12-spec/)
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Session
from autotune.workload.readers.api_body import Api, Reply, api_of_url, parse_reply
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import count, epoch_ms, mapping, objects, span_ms, unpacked
from autotune.workload.readers.conversation_ids import conversation_of
from autotune.workload.readers.logged import LoggedRequest
from autotune.workload.readers.response_chain import ResponseChain
from autotune.workload.readers.threads import RequestLog

NAME = "har"


class HarReader:
    """Reads ``*.har``."""

    name = NAME
    description = "HAR files of browsers, proxies and debuggers with requests to model APIs"

    def claims_document(self, document: Any) -> bool:
        """The document has a log with entries."""
        return isinstance(mapping(mapping(document).get("log")).get("entries"), list)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The conversations that the requests of the document make."""
        log, chain = RequestLog(NAME, file_hash(file.path)), ResponseChain()
        entries = mapping(mapping(read_document(file, ledger)).get("log")).get("entries")
        for place, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
            api = _api(mapping(entry))
            if api is None:
                continue
            with ledger.checked(file.name, place):
                log.add(_logged(entry, place, api, chain))
        yield from log.sessions()


def _api(entry: Mapping[str, Any]) -> Api | None:
    """The API that the entry posted to, if it is one."""
    request = mapping(entry.get("request"))
    url = request.get("url")
    if str(request.get("method")).upper() != "POST" or not isinstance(url, str):
        return None
    return api_of_url(url)


def _logged(entry: Mapping[str, Any], place: int, api: Api, chain: ResponseChain) -> LoggedRequest:
    """The request of an entry with its reply. Raises `ValueError`."""
    request = mapping(entry["request"])
    body = unpacked(_plain(mapping(request.get("postData")), "postData"))
    parsed = chain.body(body, api)
    reply = _reply(mapping(entry.get("response")))
    chain.answered(body, parsed, reply)
    recorded = replace(
        reply.recorded,
        latency_ms=span_ms(entry.get("time")),
        model=reply.recorded.model or parsed.model,
    )
    return LoggedRequest(
        messages=parsed.messages,
        line=place,
        tools=parsed.tools,
        params=parsed.params,
        response=reply.message,
        recorded=recorded,
        output_tokens=recorded.completion_tokens,
        timestamp_ms=epoch_ms(entry.get("startedDateTime")),
        conversation=conversation_of(mapping(body), _headers(request)),
        failed=reply.failed,
        fidelity=parsed.fidelity,
        missing=parsed.missing,
    )


def _reply(response: Mapping[str, Any]) -> Reply:
    """The reply in a response; a status of an error, or none at all, is a failed call."""
    status = count(response.get("status"))
    failed = status is not None and not 200 <= status < 300
    try:
        said = _plain(mapping(response.get("content")), "content")
    except ValueError:
        return Reply(failed=failed)
    reply = parse_reply(said)
    return replace(reply, failed=True, message=None) if failed else reply


def _plain(content: Mapping[str, Any], name: str) -> str:
    """The text of a body; `encoding` says where it is base64. Raises `ValueError`."""
    said = content.get("text")
    if not isinstance(said, str):
        raise ValueError(f"{name}: no text")
    if content.get("encoding") != "base64":
        return said
    try:
        return base64.b64decode("".join(said.split()), validate=True).decode("utf-8")
    except ValueError:
        raise ValueError(f"{name}: not the base64 of a text") from None


def _headers(request: Mapping[str, Any]) -> dict[str, str]:
    headers = objects(request.get("headers"))
    pairs = ((header.get("name"), header.get("value")) for header in headers)
    return {n: v for n, v in pairs if isinstance(n, str) and isinstance(v, str)}
