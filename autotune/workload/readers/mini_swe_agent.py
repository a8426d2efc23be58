"""mini-swe-agent trajectories: one linear list of messages, each reply a request over all before.

``trajectory_format`` is ``mini-swe-agent-1`` or ``-1.1``; the oldest files are the bare list. A
reply that could not be parsed is not in the list: the complaint that took its place holds the
response. With the Responses API the list holds items and whole responses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Message, Recorded, Session
from autotune.workload.readers import openai_shape, responses_shape
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import difference_ms, epoch_ms, mapping
from autotune.workload.readers.message_store import MessageStore
from autotune.workload.readers.names import name_of
from autotune.workload.readers.rebuild import SessionBuilder

NAME = "mini-swe-agent"
_AT_HOME = frozenset({"extra", "timestamp"})
_CHAT_ROLES = frozenset({"system", "user", "assistant", "tool", "exit"})


class MiniSweAgentReader:
    """Reads ``*.traj.json``, with and without the envelope."""

    name = NAME
    description = "mini-swe-agent trajectories: *.traj.json"

    def claims_document(self, document: Any) -> bool:
        """The document says so, or is a bare list of chat messages that begins as its lists do."""
        if isinstance(document, Mapping):
            said = document.get("trajectory_format")
            return isinstance(said, str) and said.startswith(NAME)
        return isinstance(document, list) and _is_bare(document)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The one session of the file."""
        document = read_document(file, ledger)
        messages = document if isinstance(document, list) else mapping(document).get("messages")
        if not isinstance(messages, list):
            if document is not None:
                ledger.add(file.name, DamageKind.WRONG_SCHEMA, 0, "messages: not a list")
            return
        info = mapping(mapping(document).get("info"))
        session = _Reading(file, ledger, _session_id(info, document, file)).session(info, messages)
        if session is not None:
            yield session


def _is_bare(messages: list[Any]) -> bool:
    """A list of nothing but chat messages: system, user, reply."""
    roles = [mapping(message).get("role") for message in messages]
    return roles[:3] == ["system", "user", "assistant"] and all(
        isinstance(role, str) and role in _CHAT_ROLES for role in roles
    )


def _session_id(info: Mapping[str, Any], document: Any, file: CaptureFile) -> str:
    known = name_of(mapping(document).get("instance_id")) or name_of(info.get("instance_id"))
    return known or f"{NAME}-{file_hash(file.path)[7:19]}"


class _Reading:
    """One file."""

    def __init__(self, file: CaptureFile, ledger: DamageLedger, session_id: str) -> None:
        self._file = file
        self._ledger = ledger
        self._store = MessageStore()
        self._builder = SessionBuilder(session_id, NAME, file_hash(file.path))
        self._model: str | None = None
        self._heard_ms: float | None = None
        self._replied_ms: float | None = None

    def session(self, info: Mapping[str, Any], messages: list[Any]) -> Session | None:
        """The session of `messages`."""
        settings = mapping(mapping(info.get("config")).get("model"))
        self._model = name_of(settings.get("model_name"))
        self._builder.params = self._params(mapping(settings.get("model_kwargs")))
        if any(_calls_tools(mapping(message)) for message in messages):
            self._builder.missing = ("tools",)
        for number, message in enumerate(messages, start=1):
            with self._ledger.checked(self._file.name, number):
                self._add(mapping(message), number)
        return self._builder.session()

    def _params(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return self._store.params(openai_shape.chat_params(settings))
        except ValueError:
            return {}

    def _add(self, item: Mapping[str, Any], number: int) -> None:
        """One entry of the list. Raises `ValueError` when it is no message."""
        if item.get("role") == "exit":
            return
        extra = mapping(item.get("extra"))
        stamp = epoch_ms(extra.get("timestamp", item.get("timestamp")))
        said = [self._store.message(message).message for message in _messages(item)]
        reply = said[-1] if said and said[-1].get("role") == "assistant" else None
        response = item if item.get("object") == "response" else extra.get("response")
        if reply is not None or isinstance(response, Mapping):
            self._request(number, reply, mapping(response))
            self._replied_ms = stamp
        self._heard_ms = stamp
        for message in said:
            self._builder.say(message)

    def _request(
        self,
        number: int,
        reply: Message | None,
        response: Mapping[str, Any],
    ) -> None:
        """A request over all before; it began when the message before it was there."""
        recorded = _recorded(response)
        if reply is None:
            reply = openai_shape.chat_reply(response) or responses_shape.reply_message(response)
        self._builder.request(
            line=0,
            response=reply,
            recorded=replace(recorded, model=name_of(recorded.model) or self._model),
            output_tokens=recorded.completion_tokens,
            timestamp_ms=self._heard_ms,
            delay_ms=difference_ms(self._replied_ms, self._heard_ms),
            origin={"message": number},
        )


def _messages(item: Mapping[str, Any]) -> list[Message]:
    """What an entry says in the prompt. Raises `ValueError` when it is no message."""
    if item.get("object") == "response":
        reply = responses_shape.reply_message(item)
        return [reply] if reply else []
    if "role" not in item and isinstance(item.get("type"), str):
        return list(responses_shape.items_to_messages([item]))
    message = {key: value for key, value in item.items() if key not in _AT_HOME}
    message = {key: value for key, value in message.items() if value is not None}
    message.setdefault("content", "")
    openai_shape.check_message(message)
    return [message]


def _calls_tools(item: Mapping[str, Any]) -> bool:
    return bool(item.get("tool_calls")) or item.get("object") == "response"


def _recorded(response: Mapping[str, Any]) -> Recorded:
    """Token counts of a response of either API."""
    if response.get("object") == "response":
        counts = responses_shape.recorded_usage(response.get("usage"))
        return replace(counts, model=name_of(response.get("model")))
    return openai_shape.recorded_usage(response)
