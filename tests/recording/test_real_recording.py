"""A real engine recorded, and its capture replayed against the same engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_proxy import Proxy

from autotune.candidate import Candidate
from autotune.launchers.process import launch, stop_process
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server
from autotune.replay.driver import replay
from autotune.replay.endpoint import Endpoint, Rendering
from autotune.replay.nonce import make_nonce
from autotune.replay.plan import History, Order
from autotune.replay.planning import make_plan
from autotune.workload.load import load_workload
from autotune.workload.model import Session, Workload


@pytest.fixture(scope="module")
def engine(
    reference_launcher: Launcher, smollm2: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The reference engine with one slot of 2048 tokens."""
    work_dir = tmp_path_factory.mktemp("engine")
    context = LaunchContext(
        model=smollm2,
        work_dir=work_dir,
        log_path=work_dir / "engine.log",
        trial_id="recording",
        start_timeout_s=60.0,
    )
    settings = Candidate({"ctx-size": 2048, "parallel": 1, "threads": 1})
    server = launch(reference_launcher, settings, context)
    yield server
    stop_process(server.process, grace_s=2.0)


def talk(url: str, turns: int, **more: Any) -> list[list[dict[str, Any]]]:
    """An agent at work: streamed requests that grow by what was said; the prompts it sent."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You are a coding agent. Be brief."},
        {"role": "user", "content": "Say a word."},
    ]
    sent = []
    for turn in range(turns):
        sent.append(list(messages))
        body = {"model": "m", "messages": messages, "stream": True, "max_tokens": 6, **more}
        with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=60) as reply:
            assert reply.status_code == 200
            said = "".join(filter(None, map(spoken, reply.iter_lines())))
        messages.append({"role": "assistant", "content": said})
        messages.append({"role": "user", "content": f"And {turn}?"})
    return sent


def spoken(line: str) -> str:
    data = line.removeprefix("data: ")
    if not line.startswith("data: ") or data == "[DONE]":
        return ""
    choices = json.loads(data)["choices"]
    return str(choices[0]["delta"].get("content") or "") if choices else ""


def test_a_recording_of_a_real_engine_is_exact_and_can_be_replayed(
    engine: Server, reference_launcher: Launcher, proxy: Callable[..., Proxy]
) -> None:
    running = proxy(engine.base_url)
    sent = talk(running.url, 3, temperature=0, stream_options={"include_usage": True})
    running.stop()
    workload = load_workload(running.folder)
    assert workload.damage == ()
    (session,) = workload.sessions
    assert [list(turn.messages) for turn in session.turns] == sent
    for turn, after in zip(session.turns, sent[1:], strict=False):
        assert turn.response == after[-2]  # put together as the agent did it
    _agrees_with_the_engine(session, reference_launcher, engine)
    _can_be_replayed(workload, reference_launcher, engine)


def _agrees_with_the_engine(session: Session, launcher: Launcher, engine: Server) -> None:
    for turn in session.turns:
        depth = launcher.count_tokens(engine, turn.messages, turn.tools)
        assert turn.recorded.prompt_tokens == depth
        assert turn.output_tokens == 6
        assert turn.params["temperature"] == 0
        assert turn.recorded.ttft_ms is not None
        assert turn.recorded.latency_ms is not None
        assert 0 < turn.recorded.ttft_ms < turn.recorded.latency_ms
    assert session.turns[1].recorded.cached_tokens


def _can_be_replayed(workload: Workload, launcher: Launcher, engine: Server) -> None:
    plan = make_plan(
        workload,
        history=History.RECORDED,
        order=Order.INTERLEAVED,
        concurrency=1,
        max_output_tokens=None,
        default_output_tokens=4,
    )
    endpoint = Endpoint(
        base_url=engine.base_url,
        model_name=launcher.model_name,
        request_fields=lambda tokens: launcher.request_fields(CacheArm.ON, tokens),
        alive=lambda: engine.process.poll() is None,
        rendering=Rendering.PLAIN,
    )
    nonce = make_nonce(1, "recorded", 0)
    records = replay(plan, endpoint, arm="t", block=0, nonce=nonce, sink=lambda record: None)
    assert [record.failure for record in records] == [None] * 3
    assert [record.output_tokens for record in records] == [6] * 3


@pytest.mark.parametrize("is_stream", [True, False])
def test_the_reply_is_the_engines_own_to_the_letter(
    engine: Server, proxy: Callable[..., Proxy], is_stream: bool
) -> None:
    """The same request with the same seed, direct and through the proxy."""
    running = proxy(engine.base_url)
    body = {
        "messages": [{"role": "user", "content": "hello"}],
        "stream": is_stream,
        "max_tokens": 5,
        "temperature": 0,
        "cache_prompt": False,
    }
    direct, through = (
        httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60)
        for url in (engine.base_url, running.url)
    )
    assert steady(through.text) == steady(direct.text)
    assert {k for k in through.headers if k != "keep-alive"} == {
        k for k in direct.headers if k not in ("keep-alive", "connection")
    }


def steady(text: str) -> list[Any]:
    """The JSON values of a reply without what is another one every time: ids and times."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.strip()]
    values = [json.loads(line) if line != "[DONE]" else line for line in lines]
    moving = ("id", "created", "timings")
    return [
        {k: v for k, v in value.items() if k not in moving} if isinstance(value, dict) else value
        for value in values
    ]


@pytest.mark.parametrize("api", ["messages", "responses", "completions"])
def test_the_other_apis_of_a_real_engine(
    engine: Server, proxy: Callable[..., Proxy], api: str
) -> None:
    running = proxy(engine.base_url)
    hi = [{"role": "user", "content": "hello"}]
    bodies: dict[str, dict[str, Any]] = {
        "messages": {"messages": hi, "max_tokens": 5},
        "responses": {"input": "hello", "max_output_tokens": 5},
        "completions": {"prompt": "hello", "max_tokens": 5},
    }
    body = {"model": "m", "stream": True, **bodies[api]}
    reply = httpx.post(f"{running.url}/v1/{api}", json=body, timeout=60)
    assert reply.status_code == 200
    running.stop()
    (session,) = running.sessions()
    (turn,) = session.turns
    assert turn.messages == tuple(hi)
    assert turn.output_tokens == 5
    assert turn.recorded.prompt_tokens
    assert turn.recorded.ttft_ms is not None
    assert turn.response is not None
    assert turn.response["content"]
    assert "error" not in turn.origin
