"""Replies that later requests name in place of the conversation so far."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from autotune.recording.apis import Api
from autotune.recording.exchange import CLIENT_GONE, Exchange
from autotune.recording.lines import RecordedTurn
from autotune.recording.reading import Reading
from autotune.recording.threads import Threads
from autotune.workload.model import Fidelity, PromptFidelity

TIMES = count(0, 10)


def reading() -> Reading:
    return Reading(Threads("t", lambda name: None), lambda: None)


def read(into: Reading, reply_id: str, said: str, **body: Any) -> RecordedTurn:
    at = float(next(TIMES))
    output = [{"type": "message", "role": "assistant", "content": [{"text": said}]}]
    reply = json.dumps({"id": reply_id, "output": output}).encode()
    exchange = Exchange(
        Api.RESPONSES, 0.0, at, at + 1, json.dumps(body).encode(), status=200, chunks=((at, reply),)
    )
    return into.turn(exchange)


def texts(turn: RecordedTurn) -> list[str]:
    return [str(message["content"]) for message in turn.prompt.messages]


def test_a_chain_of_replies_is_one_conversation() -> None:
    into = reading()
    read(into, "r1", "one", instructions="be", input="first")
    second = read(into, "r2", "two", instructions="be", input="next", previous_response_id="r1")
    assert texts(second) == ["be", "first", "one", "next"]
    assert second.prompt.fidelity == Fidelity(PromptFidelity.REBUILT)
    third = read(into, "r3", "x", instructions="other", input="last", previous_response_id="r2")
    assert texts(third) == ["other", "first", "one", "next", "two", "last"]
    assert second.session_id == third.session_id == "t-0001"


def test_a_reply_that_is_not_known_leaves_history_missing() -> None:
    turn = read(reading(), "r9", "x", input="next", previous_response_id="r8")
    assert texts(turn) == ["next"]
    assert turn.prompt.fidelity == Fidelity(PromptFidelity.REBUILT, ("history",))


def test_replies_that_are_not_stored_are_not_remembered() -> None:
    into = reading()
    read(into, "r1", "one", input="first", store=False)
    turn = read(into, "r2", "two", input="next", previous_response_id="r1")
    assert turn.prompt.fidelity.missing == ("history",)


def test_a_request_given_up_before_its_answer_is_a_turn_without_a_reply() -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}]}).encode()
    turn = reading().turn(Exchange(Api.CHAT, 0.0, 0.0, 1.0, body, failure=CLIENT_GONE))
    assert turn.answer.failure == CLIENT_GONE
    assert turn.answer.message is None
