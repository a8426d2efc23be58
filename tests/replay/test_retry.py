"""A refused request is sent again a bounded number of times, and that is recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from autotune.replay.client import Client
from autotune.replay.endpoint import Endpoint
from autotune.replay.outcome import TurnFailure
from autotune.replay.retry import Retries
from autotune.replay.transfer import End, Transfer
from autotune.replay.verdict import NOT_A_STREAM, status_in

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def refused(status: int | None, **headers: str) -> Transfer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    end = End.BROKEN if status is None else End.COMPLETE
    return Transfer(sent_s=0.0, status=status, headers=named, end=end)


@pytest.mark.parametrize(
    ("sent", "tries", "pause_s"),
    [
        (refused(429), 1, 1.0),
        (refused(429), 2, 2.0),
        (refused(529), 3, 4.0),
        (refused(429), 4, None),  # three more tries, and that is it
        (refused(429, retry_after="7"), 1, 7.0),
        (refused(429, retry_after_ms="250"), 1, 0.25),
        (refused(503, retry_after="Thu, 01 Jan 2026 12:00:05 GMT"), 1, 5.0),
        (refused(503, retry_after="soon"), 2, 2.0),
        (refused(429, retry_after="3600"), 1, None),  # longer than anybody waits
        (refused(None), 1, 1.0),
        (refused(400), 1, None),
        (refused(401), 1, None),
        (refused(200), 1, None),
    ],
)
def test_pauses(sent: Transfer, tries: int, pause_s: float | None) -> None:
    assert Retries(3).pause_s(sent, tries, NOW) == pause_s


def test_our_own_engine_is_never_asked_twice() -> None:
    assert Retries().pause_s(refused(500), 1) is None


def test_a_turn_says_how_often_it_was_sent(
    server: Any, wire: Any, endpoint: Callable[..., Endpoint]
) -> None:
    busy = [b'{"error":{"message":"slow down"}}']
    server.scripts = [(429, busy), (529, busy), (200, wire.reply("a", "b"))]
    with Client(endpoint(retries=Retries(3, first_s=0.001))) as client:
        outcome = client.ask(b"{}", 2)
    assert (outcome.failure, outcome.retries, len(server.bodies)) == (None, 2, 3)
    server.scripts = [(429, busy)]
    with Client(endpoint(retries=Retries(1, first_s=0.001))) as client:
        outcome = client.ask(b"{}", 2)
    assert (outcome.failure, outcome.retries) == (TurnFailure.BAD_REPLY, 1)
    assert status_in(outcome.detail) == 429


def test_a_key_that_the_server_repeats_is_hidden(
    server: Any, endpoint: Callable[..., Endpoint]
) -> None:
    server.serve([b'{"error":{"message":"bad key sk-secret-1"}}'], status=401)
    made = endpoint(secrets=("sk-secret-1",), headers={"Authorization": "Bearer sk-secret-1"})
    with Client(made) as client:
        assert client.ask(b"{}", 2).detail == "HTTP 401: bad key [hidden]"
    assert "sk-secret-1" not in repr(made)


def test_an_answer_in_one_piece_is_no_stream(
    server: Any, endpoint: Callable[..., Endpoint]
) -> None:
    server.serve([b'{"choices":[{"message":{"content":"hi"}}]}'])
    with Client(endpoint()) as client:
        assert client.ask(b"{}", 2).detail == NOT_A_STREAM


def test_a_smallest_length_is_kept_and_judged(
    server: Any, wire: Any, endpoint: Callable[..., Endpoint]
) -> None:
    server.serve(wire.reply("a", "b", "c"))
    with Client(endpoint(least_output_tokens=3)) as client:
        assert client.ask(b"{}", 2).failure is None
