"""OpenHands completion logs: a folder with one file a call, each the whole request.

V0 writes ``<model>-<time>.json`` (``messages``, ``response``, ``kwargs``), its SDK
``<model>-<time>-<id>.json`` (``tools``, ``usage_summary`` and ``latency_sec`` besides). The time is
that of the end. Without native tool calls ``messages`` is the prompt that was sent, with the calls
as text; ``fncall_messages`` is not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Message, Recorded, Session
from autotune.workload.readers import openai_shape, responses_shape
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import epoch_ms, mapping, number
from autotune.workload.readers.logged import Conversation, LoggedRequest
from autotune.workload.readers.names import name_of
from autotune.workload.readers.openhands_shape import usage_of
from autotune.workload.readers.threads import RequestLog

NAME = "openhands-completions"
_FILE = re.compile(r".+-\d{9,}(\.\d+)?(-[0-9A-Za-z]+)?\.json$")
_MAX_SEEN = 20
"""Files whose shape is looked at before a folder is taken for something else."""


class OpenHandsCompletionsReader:
    """Reads folders of ``log_completions``: ``llm_completions/<instance>/``."""

    name = NAME
    description = "OpenHands completion logs: a folder with one JSON file a call"

    def claims_folder(self, folder: Path, names: Sequence[str]) -> bool:
        """A file named after a model and a time holds a request and its response."""
        likely = [name for name in names if _FILE.match(name)][:_MAX_SEEN]
        return any(
            _is_call(read_document(CaptureFile(folder / n, n), DamageLedger())) for n in likely
        )

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The conversations of the folder: the agent's own, and those of its side calls."""
        name = file.path.resolve().name or NAME
        log = RequestLog(NAME, folder_digest(file.path))
        for path in sorted(file.path.iterdir()):
            if path.is_file():
                _take(path, CaptureFile(path, f"{file.name}/{path.name}"), log, name, ledger)
        yield from log.sessions()


def folder_digest(folder: Path) -> str:
    """``sha256:...`` of the bytes of all JSON files of `folder`, whatever they are called."""
    hashes = sorted(file_hash(p) for p in folder.iterdir() if p.is_file() and p.suffix == ".json")
    return f"sha256:{hashlib.sha256(''.join(hashes).encode()).hexdigest()}"


def _take(path: Path, file: CaptureFile, log: RequestLog, name: str, ledger: DamageLedger) -> None:
    """Add the call of one file to `log`; a file that holds none is passed over."""
    document = read_document(file, ledger) if path.suffix == ".json" else None
    if not _is_call(document):
        ledger.add(str(Path(file.name).parent), DamageKind.SKIPPED_FILE, detail=path.name)
        return
    with ledger.checked(file.name):
        log.add(_request(mapping(document), name))


def _is_call(document: Any) -> bool:
    known = mapping(document)
    asked = isinstance(known.get("messages"), list) or isinstance(known.get("input"), list)
    return asked and isinstance(known.get("response"), Mapping)


def _request(call: Mapping[str, Any], name: str) -> LoggedRequest:
    """The request of one file. Raises `ValueError` when its prompt is none."""
    settings = mapping(call.get("kwargs"))
    end_ms, latency_ms = epoch_ms(call.get("timestamp")), _latency_ms(call)
    offered = call.get("tools") or settings.get("tools")
    recorded = replace(_recorded(call), latency_ms=latency_ms)
    return LoggedRequest(
        messages=_messages(call),
        line=0,
        tools=[_tool(tool) for tool in openai_shape.chat_tools({"tools": offered})],
        params=openai_shape.chat_params(settings),
        response=_reply(call),
        recorded=recorded,
        output_tokens=recorded.completion_tokens,
        timestamp_ms=end_ms if end_ms is None or latency_ms is None else end_ms - latency_ms,
        conversation=Conversation(name, certain=True),
    )


def _latency_ms(log: Mapping[str, Any]) -> float | None:
    seconds = number(log.get("latency_sec"))
    return seconds * 1000.0 if seconds is not None and seconds >= 0 else None


def _messages(log: Mapping[str, Any]) -> list[Message]:
    """The prompt in chat shape, whichever API it was sent to. Raises `ValueError`."""
    if isinstance(log.get("messages"), list):
        return [_unmarked(message) for message in openai_shape.chat_messages(log)]
    return list(responses_shape.chat_messages(log))


def _unmarked(message: Message) -> Message:
    """A message without the marks of Anthropic's cache, which move and are no text."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [_without_mark(part) if isinstance(part, dict) else part for part in content]
        message = {**message, "content": parts}
    return _without_mark(message)


def _without_mark(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != "cache_control"}


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    if "function" in tool:
        return _without_mark(tool)
    known = {key: value for key, value in tool.items() if key != "type"}
    return {"type": "function", "function": known}


def _reply(log: Mapping[str, Any]) -> Message | None:
    response = mapping(log.get("response"))
    return openai_shape.chat_reply(response) or responses_shape.reply_message(response)


def _recorded(log: Mapping[str, Any]) -> Recorded:
    """Token counts of the response; else the summary that the SDK wrote of them."""
    response = mapping(log.get("response"))
    recorded = openai_shape.recorded_usage(response)
    if recorded.prompt_tokens is None:
        recorded = responses_shape.recorded_usage(response.get("usage"))
    if recorded.prompt_tokens is None:
        recorded = usage_of(mapping(log.get("usage_summary")))
    return replace(recorded, model=name_of(response.get("model")))
