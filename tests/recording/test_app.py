"""Whole recordings: agents at work through the proxy, and what is read back afterwards."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_upstream import Answering, FakeUpstream, chat_stream, named_events, speak
from running_proxy import Proxy, chat_body, until

from autotune.errors import UserError
from autotune.recording.events import Listening, Stopped, Stopping
from autotune.recording.exchange import RECORDER_STOPPED
from autotune.recording.files import Per

CHAT = "/v1/chat/completions"
Start = Callable[..., Proxy]


def echo(answer: Answering) -> None:
    """Says the number of messages it was sent, in a few pieces."""
    body = json.loads(answer.received.body)
    answer.stream(chat_stream(f"reply to {len(body['messages'])}", len(body["messages"])))


def agent(url: str, name: str, turns: int) -> list[list[dict[str, Any]]]:
    """A conversation of `turns` requests that keeps what it is told; the prompts it sent."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": f"You are {name}."},
        {"role": "user", "content": "Fix it."},
    ]
    sent = []
    with httpx.Client(timeout=20) as client:
        for turn in range(turns):
            sent.append(list(messages))
            reply = client.post(url + CHAT, json={"stream": True, "messages": messages})
            assert reply.content.endswith(b"data: [DONE]\n\n")
            said = f"reply to {len(messages)}".replace(" ", "")
            messages.append({"role": "assistant", "content": said})
            messages.append({"role": "user", "content": f"{name}: result {turn}"})
    return sent


def test_agents_at_once_are_kept_apart_and_nothing_is_lost(
    upstream: FakeUpstream, proxy: Start
) -> None:
    upstream.scripts[CHAT] = echo
    running = proxy(upstream.url)
    names = [f"agent-{number}" for number in range(6)]
    with ThreadPoolExecutor(len(names)) as pool:
        sent = dict(zip(names, pool.map(lambda n: agent(running.url, n, 8), names), strict=True))
    stopped = running.stop()
    assert (stopped.requests, stopped.turns, stopped.sessions) == (48, 48, 6)
    assert stopped.not_recorded == {}
    for session in running.sessions():
        name = session.turns[0].messages[0]["content"].removeprefix("You are ").rstrip(".")
        assert [list(turn.messages) for turn in session.turns] == sent.pop(name)
        assert [turn.keep for turn in session.turns] == [0, *range(2, 16, 2)]
        assert all(turn.boundary is None for turn in session.turns)
        assert all(turn.delay_ms is not None for turn in session.turns[1:])
    assert sent == {}


def test_every_api_is_recorded_with_what_it_reported(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    upstream.scripts[CHAT] = speak("Hi you")
    usage = {"input_tokens": 4, "cache_read_input_tokens": 6}
    upstream.scripts["/v1/messages"] = lambda a: a.stream(
        named_events(
            {"type": "message_start", "message": {"model": "claude", "usage": usage}},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "Hi"},
            },
            {"type": "message_delta", "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        )
    )
    upstream.scripts["/v1/messages/count_tokens"] = lambda a: a.json({"input_tokens": 10})
    output = [{"type": "message", "role": "assistant", "content": [{"text": "Hi"}]}]
    upstream.scripts["/v1/responses"] = lambda a: a.json({"id": "r1", "output": output})
    upstream.scripts["/v1/completions"] = lambda a: a.json({"choices": [{"text": "Hi"}]})
    running = proxy(upstream.url)
    hi = [{"role": "user", "content": "hi"}]
    assert client.post(f"{running.url}{CHAT}", json=chat_body("hi")).is_success
    for path, body in (
        ("messages", {"messages": hi, "system": "be", "stream": True, "max_tokens": 5}),
        ("messages/count_tokens", {"messages": hi}),
        ("responses", {"input": "hi there"}),
        ("completions", {"prompt": "hi and"}),
    ):
        assert client.post(f"{running.url}/v1/{path}", json=body).is_success
    running.stop()
    turns = {t.origin["api"]: t for session in running.sessions() for t in session.turns}
    assert sorted(turns) == [
        "anthropic-messages",
        "openai-chat",
        "openai-completions",
        "openai-responses",
    ]
    recorded = turns["anthropic-messages"].recorded
    assert (recorded.prompt_tokens, recorded.cached_tokens) == (10, 6)
    assert turns["anthropic-messages"].messages[0] == {"role": "system", "content": "be"}
    assert all("Hi" in str(turn.response) for turn in turns.values())
    streamed = {name for name, turn in turns.items() if turn.recorded.ttft_ms is not None}
    assert streamed == {"openai-chat", "anthropic-messages"}
    for turn in turns.values():
        assert turn.recorded.latency_ms is not None
        assert (turn.recorded.ttft_ms or 0.0) <= turn.recorded.latency_ms


def test_no_credential_is_written_anywhere(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    secrets = {
        "authorization": "Bearer sk-AUTH-777",
        "x-api-key": "sk-XAPI-777",
        "api-key": "sk-AZURE-777",
        "cookie": "session=COOKIE-777",
        "x-goog-api-key": "GOOG-777",
        "proxy-authorization": "Basic PROXY-777",
    }
    upstream.scripts[CHAT] = speak("Hi")
    said = ", ".join([*secrets.values(), "QUERY-777"])
    error = {"error": {"message": f"keys {said}"}}
    upstream.scripts["/complains/chat/completions"] = lambda a: a.json(error)
    upstream.scripts["/refuses/chat/completions"] = lambda a: a.json(error, 401)
    running = proxy(upstream.url)
    for path in (CHAT, "/complains/chat/completions", "/refuses/chat/completions", "/v1/models"):
        address = f"{running.url}{path}?key=QUERY-777"
        body = chat_body("hi", user="alice-777", metadata={"account": "META-777"})
        client.post(address, json=body, headers=secrets)
    assert upstream.received[0].header("authorization") == "Bearer sk-AUTH-777"
    assert upstream.received[0].header("proxy-authorization") is None
    stopped = running.stop()
    assert (stopped.turns, stopped.not_recorded) == (2, {"refused": 1})
    written = b"".join(path.read_bytes() for path in running.folder.iterdir())
    assert b"keys [redacted]" in written
    assert b"777" not in written
    assert "777" not in repr(running.events)


def test_each_turn_is_on_disk_when_its_request_has_ended(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    upstream.scripts[CHAT] = echo
    running = proxy(upstream.url)
    for number in (1, 2, 3):
        client.post(running.url + CHAT, json=chat_body(*"abcde"[: 2 * number - 1]))
        running.settled(number)
        assert [line["turn"] for line in running.lines()] == list(range(number))


def test_requests_under_way_may_end_when_it_is_stopped(
    upstream: FakeUpstream, proxy: Start
) -> None:
    begun, going_on = threading.Event(), threading.Event()

    def slow(answer: Answering) -> None:
        begun.set()
        assert going_on.wait(10)
        answer.stream(chat_stream("late but whole"))

    upstream.scripts[CHAT] = slow
    running = proxy(upstream.url)
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(httpx.post, running.url + CHAT, json=chat_body("x"), timeout=20)
        assert begun.wait(10)
        running.tell_to_stop()
        until(lambda: any(isinstance(e, Stopping) for e in running.events), "stopping is said")
        with pytest.raises(httpx.ConnectError):
            until(lambda: not httpx.get(running.url), "no new requests")
        going_on.set()
        assert reply.result().content == b"".join(chat_stream("late but whole"))
    assert running.stop().turns == 1
    assert not running.recording.forced
    assert running.turns()[0].failure is None


@pytest.mark.parametrize("why", ["said again", "out of time"])
def test_requests_that_do_not_end_are_cut_and_recorded(
    upstream: FakeUpstream, proxy: Start, why: str
) -> None:
    left = threading.Event()

    def endless(answer: Answering) -> None:
        answer.head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        for data in chat_stream("never ends")[:2]:
            answer.chunk(data)
        if answer.client_left(10):
            left.set()

    upstream.scripts[CHAT] = endless
    running = proxy(upstream.url, grace_s=0.05 if why == "out of time" else 10.0)
    with httpx.stream("POST", running.url + CHAT, json=chat_body("x"), timeout=20) as reply:
        pieces = reply.iter_raw()
        assert next(pieces)
        running.tell_to_stop()
        if why == "said again":
            running.tell_to_stop()
        assert left.wait(10)
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    stopped = running.stop()
    assert stopped.turns == 1
    assert running.turns()[0].failure == RECORDER_STOPPED
    assert running.recording.forced is (why == "said again")


def test_its_events_tell_the_whole_story(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    upstream.scripts[CHAT] = speak("Hi")
    running = proxy(upstream.url, per=Per.DAY)
    client.post(running.url + CHAT, json=chat_body("x"))
    stopped = running.stop()
    first, last = running.events[0], running.events[-1]
    assert first == Listening(running.url, upstream.url, str(running.folder))
    assert last == stopped
    assert isinstance(last, Stopped)
    assert (last.requests, last.turns, last.sessions, last.deepest_tokens) == (1, 1, 1, 11)


def test_a_proxy_in_front_of_itself_is_refused(tmp_path: Path) -> None:
    from autotune.recording.app import Recording, RecordingOptions
    from autotune.recording.listen import bound_socket
    from autotune.recording.upstream import parse_upstream

    with bound_socket("127.0.0.1", 0, allow_remote=False) as listener:
        own = parse_upstream(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(UserError, match="own address"):
            Recording(RecordingOptions(own, tmp_path, Per.DAY, 10**6), listener)
