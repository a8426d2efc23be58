"""Responses requests that build on an earlier response of the server, made whole from the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.model import Message
from autotune.workload.readers.api_body import Api, Body, Reply, parse_body
from autotune.workload.readers.checks import text


@dataclass(slots=True)
class ResponseChain:
    """Conversations of the log by the id of their last response.

    A request with ``previous_response_id`` carries only what is new; the server puts it behind the
    earlier input and reply. Its own instructions stand first, the earlier ones do not count
    (OpenAI's API reference, "Create a model response").
    """

    _known: dict[str, tuple[Message, ...]] = field(default_factory=dict)

    def body(self, body: Any, api: Api | None = None) -> Body:
        """`parse_body`, with what came before it where it says so.

        Raises:
            ValueError: as `parse_body` does, and when the log does not hold what came before.
        """
        before = text(body.get("previous_response_id")) if isinstance(body, Mapping) else None
        if before is None:
            return parse_body(body, api)
        if before not in self._known:
            raise ValueError("previous_response_id: the log does not hold that response")
        parsed = parse_body({**body, "previous_response_id": None}, api)
        own = len(parsed.messages) - len(_input(parsed, body))
        whole = (*parsed.messages[:own], *self._known[before], *parsed.messages[own:])
        return replace(parsed, messages=whole)

    def answered(self, body: Any, parsed: Body, reply: Reply) -> None:
        """Remember `reply`, so that a later request can build on it."""
        if parsed.api is Api.RESPONSES and reply.response_id and isinstance(body, Mapping):
            said = (reply.message,) if reply.message else ()
            before = text(body.get("previous_response_id"))
            earlier = self._known.get(before, ()) if before else ()
            new = _input(parsed, body)[len(earlier) :]
            self._known[reply.response_id] = (*earlier, *new, *said)


def _input(parsed: Body, body: Mapping[str, Any]) -> tuple[Message, ...]:
    """The messages of a request without those of its instructions."""
    instructions = parse_body({"input": body.get("instructions") or []}, Api.RESPONSES).messages
    return tuple(parsed.messages[len(instructions) :])
