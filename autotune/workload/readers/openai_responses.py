"""Logs of OpenAI Responses requests: bare bodies, or pairs of request and response, one a line.

With ``previous_response_id`` (or a ``conversation``) the server holds what came before. Such a
request is put together from those before it in the file; one that goes on from a response that is
not there cannot be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, read_objects
from autotune.workload.model import Message, Session
from autotune.workload.readers.api_body import Api, api_of_url, parse_reply
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import mapping, text, unpacked
from autotune.workload.readers.logged import LoggedRequest
from autotune.workload.readers.openai_chat import logged_pair
from autotune.workload.readers.responses_shape import chat_messages
from autotune.workload.readers.threads import RequestLog

NAME = "openai-responses"
_REQUESTS = ("request", "body", "payload", "request_body", "request_json")
_RESPONSES = ("response", "response_body", "response_json")
_FOREIGN = frozenset(
    {"messages", "output", "usage", "schema", "sessionId", "hash_ids", "input_length", "kwargs"}
)
"""Keys that no Responses body has, and other formats have beside ``input``."""


class OpenAIResponsesReader:
    """Reads one request a line, with or without its response."""

    name = NAME
    description = "OpenAI Responses requests, one a line, with or without their responses"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is a request body, or has one under a name that says so."""
        url = line.get("url")
        if isinstance(url, str):
            return api_of_url(url) is Api.RESPONSES and _body(line) is not line
        body = _body(line)
        if not isinstance(body.get("model"), str) or body.keys() & _FOREIGN:
            return False
        return isinstance(body.get("input"), str) or _has_items(body.get("input"))

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The conversations that the requests of `file` make, as they begin.

        Their text is in memory once.
        """
        log = RequestLog(NAME, file_hash(file.path))
        chains = _Chains()
        for line in read_objects(file, ledger):
            try:
                log.add(chains.request(line.value, line.number))
            except _BrokenChainError as error:
                ledger.add(file.name, DamageKind.ORPHAN_DELTA, line.number, str(error))
            except ValueError as error:
                ledger.add(file.name, DamageKind.WRONG_SCHEMA, line.number, str(error))
        yield from log.sessions()


class _BrokenChainError(ValueError):
    """What came before is nowhere in the file."""


class _Chains:
    """What each response of a file came after: the prompt without its instructions, and itself."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Message, ...]] = {}

    def request(self, line: Mapping[str, Any], number: int) -> LoggedRequest:
        """The request of `line` with its whole prompt.

        Instructions are each request's own: they do not go on to the next (API reference,
        ``instructions``). Raises `ValueError` when the line is no request, `_BrokenChainError` when
        it goes on from a response that is not known.
        """
        body = _body(line)
        before = self._before(body)
        own = {key: value for key, value in body.items() if key != "previous_response_id"}
        made = logged_pair(_with_body(line, own), number)
        ahead = len(chat_messages({"instructions": body.get("instructions")}))
        said = (*before, *made.messages[ahead:])
        self._remember(line, body, said, made.response)
        return replace(made, messages=(*made.messages[:ahead], *said))

    def _before(self, body: Mapping[str, Any]) -> Sequence[Message]:
        previous = text(body.get("previous_response_id"))
        if previous is None:
            return self._known.get(_conversation(body) or "", ())
        if previous not in self._known:
            raise _BrokenChainError("previous_response_id: that response is not in this file")
        return self._known[previous]

    def _remember(
        self,
        line: Mapping[str, Any],
        body: Mapping[str, Any],
        said: tuple[Message, ...],
        reply: Message | None,
    ) -> None:
        """Whatever goes on from here begins with `said` and the reply."""
        all_said = said if reply is None else (*said, reply)
        response = next((line[name] for name in _RESPONSES if line.get(name) is not None), None)
        answered = parse_reply(response).response_id if response is not None else None
        for name in (answered, _conversation(body)):
            if name is not None:
                self._known[name] = all_said


def _conversation(body: Mapping[str, Any]) -> str | None:
    """The name of a conversation that the server keeps: ``conversation``, a text or an object."""
    value = body.get("conversation")
    name = text(value) or text(mapping(value).get("id"))
    return f"conversation {name}" if name else None


def _body(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request in `line`: under one of its names, or the line itself."""
    if isinstance(line.get("input"), (str, list)):
        return line
    for name in _REQUESTS:
        value = unpacked(line.get(name))
        if isinstance(value, Mapping):
            inner = value.get("body")
            return inner if isinstance(inner, Mapping) else value
    return line


def _with_body(line: Mapping[str, Any], body: Mapping[str, Any]) -> Mapping[str, Any]:
    """`line` with another request in it."""
    rest = {k: v for k, v in line.items() if k not in _REQUESTS}
    return {**({} if _body(line) is line else rest), "request": body, **_answer(line)}


def _answer(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in _RESPONSES if name in line}


def _has_items(value: Any) -> bool:
    """Whether a list is one of items: messages with a role, or things with a type."""
    if not isinstance(value, list) or not value:
        return False
    return all(mapping(item).keys() & {"type", "role"} for item in value)
