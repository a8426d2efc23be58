"""One request against a real server that sends what each script says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autotune.replay.client import INVISIBLE_REPLY, Client
from autotune.replay.endpoint import Endpoint
from autotune.replay.outcome import Outcome, TurnFailure

Ask = Callable[..., Outcome]


@pytest.fixture
def ask(endpoint: Callable[..., Endpoint]) -> Iterator[Ask]:
    """``ask(asked=3, alive=...)``: one request to the scripted server."""
    clients: list[Client] = []

    def run(asked: int | None = 3, **fields: Any) -> Outcome:
        client = Client(endpoint(**fields), settle_s=0.05)
        clients.append(client)
        return client.ask(b'{"messages":[]}', asked)

    yield run
    for client in clients:
        client.close()


def test_a_good_reply(server: Any, wire: Any, ask: Ask) -> None:
    server.serve(wire.reply("a ", "b ", "c", prompt=12, cached=5))
    outcome = ask()
    assert outcome.failure is None
    assert outcome.detail is None
    assert outcome.reply is not None
    assert outcome.reply.content == "a b c"
    assert (outcome.depth_tokens, outcome.cached_tokens, outcome.computed_tokens) == (12, 5, 7)
    assert (outcome.output_tokens, outcome.finish_reason) == (3, "length")
    assert outcome.ttft_s is not None
    assert outcome.wall_s is not None
    assert 0 < outcome.ttft_s <= outcome.wall_s
    assert outcome.started_at.endswith("+00:00")


def test_role_and_keep_alives_do_not_stop_the_first_token_clock(
    server: Any, wire: Any, ask: Ask
) -> None:
    script = [wire.ROLE, b": ping\n\n", wire.delta(content=""), 0.05, *wire.reply("a", "b", "c")]
    server.serve(script)
    ttft_s = ask().ttft_s
    assert ttft_s is not None
    assert ttft_s >= 0.05


def test_one_token_or_one_instant_has_no_decode_rate(server: Any, wire: Any, ask: Ask) -> None:
    server.serve(wire.reply("a"))
    assert ask(asked=1).decode_tps is None
    burst = b"".join([wire.delta(content="a"), wire.delta(content="b")])
    server.serve([burst, wire.finish(), wire.usage(9, 2), wire.DONE])
    assert ask(asked=2).decode_tps is None


def test_a_burst_engine_s_first_text_is_most_of_its_tokens(
    server: Any, wire: Any, ask: Ask
) -> None:
    """98 of 100 tokens come at once: the same stream is 99 tokens in 0.05 s, or two of them."""
    script = [wire.delta(content="a" * 98), 0.05, wire.delta(content="bc"), wire.finish()]
    rates = []
    for bursts in (False, True):
        server.serve([*script, wire.usage(9, 100), wire.DONE])
        rates.append(ask(asked=100, bursts=bursts).decode_tps)
    assert rates[0] > 10 * rates[1]


def test_no_usage_leaves_counts_absent(server: Any, wire: Any, ask: Ask) -> None:
    server.serve([wire.delta(content="a"), wire.delta(content="b"), wire.finish(), wire.DONE])
    outcome = ask()
    assert outcome.failure is None
    assert (outcome.depth_tokens, outcome.cached_tokens, outcome.output_tokens) == (None,) * 3
    assert outcome.decode_tps is None


def test_a_reply_without_text_has_no_ttft_and_says_so(server: Any, wire: Any, ask: Ask) -> None:
    server.serve([wire.ROLE, wire.finish(), wire.usage(9, 3), wire.DONE])
    outcome = ask()
    assert (outcome.ttft_s, outcome.failure, outcome.detail) == (None, None, INVISIBLE_REPLY)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":400,"type":"exceed_context_size_error","message":"request (6024 tokens)'
        b' exceeds the available context size (4096 tokens)"}}',
        b'{"error":{"code":"context_length_exceeded","message":"too long"}}',
        b'{"object":"error","message":"This model\'s maximum context length is 4096 tokens."}',
        b'{"error":{"message":"The input (9 tokens) is longer than the model\'s context length"}}',
        b'{"error":{"message":"Requested token count exceeds the model\'s limit"}}',
    ],
)
def test_context_overflow_in_every_engines_words(server: Any, ask: Ask, body: bytes) -> None:
    server.serve([body], status=400)
    assert ask().failure is TurnFailure.CONTEXT_OVERFLOW


def test_other_refusals_are_bad_replies_with_their_message(server: Any, ask: Ask) -> None:
    server.serve([b'{"error":{"type":"server_error","message":"it broke"}}'], status=500)
    outcome = ask()
    assert outcome.failure is TurnFailure.BAD_REPLY
    assert outcome.detail == "HTTP 500: server_error: it broke"
    assert (outcome.ttft_s, outcome.wall_s, outcome.reply) == (None, None, None)


def test_no_memory_for_a_prompt_is_a_kind_of_its_own(server: Any, ask: Ask) -> None:
    server.serve([b'{"error":{"message":"prompt needs 9.1 GB, 4.0 GB are free"}}'], status=507)
    outcome = ask()
    assert outcome.failure is TurnFailure.OUT_OF_MEMORY
    assert outcome.detail == "HTTP 507: prompt needs 9.1 GB, 4.0 GB are free"


def test_an_error_in_mid_stream(server: Any, wire: Any, ask: Ask) -> None:
    error = wire.event({"error": {"message": "Context size has been exceeded."}})
    server.serve([wire.delta(content="a"), error])
    assert ask().failure is TurnFailure.CONTEXT_OVERFLOW
    server.serve([wire.delta(content="a"), wire.event({"error": {"message": "no"}}), wire.DONE])
    assert ask().failure is TurnFailure.BAD_REPLY


def test_a_stream_must_finish(server: Any, wire: Any, ask: Ask) -> None:
    server.serve([wire.delta(content="a"), wire.usage(9, 3), wire.DONE])
    outcome = ask()
    assert outcome.failure is TurnFailure.BAD_REPLY
    assert "without a finish_reason" in str(outcome.detail)
    server.serve([wire.delta(content="a"), wire.finish(), wire.usage(9, 3)])
    outcome = ask()
    assert outcome.failure is TurnFailure.BAD_REPLY
    assert "without [DONE]" in str(outcome.detail)


def test_a_finish_reason_of_error_is_a_failure(server: Any, wire: Any, ask: Ask) -> None:
    server.serve([wire.delta(content="a"), wire.finish("error"), wire.usage(9, 3), wire.DONE])
    assert ask().failure is TurnFailure.BAD_REPLY


def test_the_length_must_be_the_pinned_one(server: Any, wire: Any, ask: Ask) -> None:
    server.serve(wire.reply("a", "b"))
    outcome = ask(asked=3)
    assert outcome.failure is TurnFailure.WRONG_LENGTH
    assert "2 output tokens where 3 were asked" in str(outcome.detail)
    assert ask(asked=3, fixed_length=False).failure is None
    assert ask(asked=1, fixed_length=False).failure is TurnFailure.WRONG_LENGTH
    assert ask(asked=None).failure is None


@pytest.mark.parametrize("tokens", [0, 1])
def test_a_broken_stream_is_a_crash_only_when_the_process_is_gone(
    server: Any, wire: Any, ask: Ask, tokens: int
) -> None:
    server.serve([wire.ROLE, *[wire.delta(content="a")] * tokens, wire.CLOSE])
    assert ask().failure is TurnFailure.BAD_REPLY
    assert ask(alive=lambda: False).failure is TurnFailure.CRASH


def test_a_process_that_is_seen_dead_a_moment_later_crashed(
    server: Any, wire: Any, ask: Ask
) -> None:
    server.serve([wire.delta(content="a"), wire.CLOSE])
    answers = iter([True, False])
    assert ask(alive=lambda: next(answers)).failure is TurnFailure.CRASH


def test_no_connection_is_a_crash(server: Any, wire: Any, ask: Ask) -> None:
    server.serve([wire.CLOSE])
    assert ask().failure is TurnFailure.CRASH
    outcome = ask(base_url="http://127.0.0.1:1")
    assert outcome.failure is TurnFailure.CRASH
    assert "does not answer" in str(outcome.detail)


def test_silence_before_the_first_token_is_a_hang(server: Any, wire: Any, ask: Ask) -> None:
    server.serve([wire.ROLE, wire.HANG])
    outcome = ask(first_token_timeout_s=0.05, idle_timeout_s=60.0)
    assert outcome.failure is TurnFailure.HANG
    assert "no first token within 0.05 s" in str(outcome.detail)


def test_a_time_limit_may_be_cut_before_each_request(server: Any, wire: Any, ask: Ask) -> None:
    server.serve([wire.ROLE, wire.HANG])
    asked: list[float] = []

    def hurry(most_s: float) -> float:
        asked.append(most_s)
        return 0.05

    outcome = ask(first_token_timeout_s=60.0, idle_timeout_s=40.0, hurry=hurry)
    assert outcome.failure is TurnFailure.HANG
    assert "no first token within 0.05 s" in str(outcome.detail)
    assert asked == [60.0, 40.0]


def test_a_server_that_sends_nothing_at_all_is_a_hang(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        outcome = ask(base_url=url, hurry=lambda _: 0.05)
    assert outcome.failure is TurnFailure.HANG
    assert "no first token within 0.05 s" in str(outcome.detail)


def test_pings_do_not_hide_a_hang(server: Any, wire: Any, ask: Ask) -> None:
    pings = [piece for _ in range(40) for piece in (b": ping\n\n", 0.02)]
    server.serve([wire.delta(content="a"), *pings, wire.HANG])
    outcome = ask(first_token_timeout_s=60.0, idle_timeout_s=0.05)
    assert outcome.failure is TurnFailure.HANG
    assert "in the middle of a reply" in str(outcome.detail)


def test_abort_ends_a_request_from_another_thread(
    server: Any, wire: Any, endpoint: Callable[..., Endpoint]
) -> None:
    server.serve([wire.delta(content="a"), wire.HANG])
    outcomes: list[Outcome] = []
    with Client(endpoint(), settle_s=0.0) as client:
        thread = threading.Thread(target=lambda: outcomes.append(client.ask(b"{}", 3)))
        thread.start()
        while not server.bodies:
            threading.Event().wait(0.005)
        client.abort()
        thread.join(timeout=10)
    assert not thread.is_alive()
    assert outcomes[0].failure is TurnFailure.BAD_REPLY


def test_headers_are_sent_and_nothing_is_compressed(server: Any, wire: Any, ask: Ask) -> None:
    server.serve(wire.reply("a", "b", "c"))
    ask(headers={"Authorization": "Bearer x"})
    assert server.headers[0]["Authorization"] == "Bearer x"
    assert server.headers[0]["Accept-Encoding"] == "identity"
