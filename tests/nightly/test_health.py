"""Health: what serves now is what was exported, or it is said what it is instead."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from nightly_site import config, draft

from autotune.export.model import ExportConfig
from autotune.nightly import health
from autotune.nightly.generations import Generations
from autotune.nightly.health import Health, Patience, Serving, check_health, health_check, look
from autotune.nightly.serving_process import ServingProcess

REPLY = {"choices": [{"message": {"role": "assistant", "content": "Hello."}}]}
ONCE = Patience(start_s=0.0, settle_s=0.0)


@dataclass
class Engine:
    """Answers by path, like a llama-server; every answer may be changed. `asked` are requests."""

    model: str
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    key: str | None = None

    def answer(self, path: str) -> tuple[int, Any]:
        usual: dict[str, tuple[int, Any]] = {
            "/health": (200, {"status": "ok"}),
            "/v1/models": (200, {"data": [{"id": self.model}]}),
            "/props": (200, props(self.model)),
            "/v1/chat/completions": (200, REPLY),
        }
        return {**usual, **self.answers}.get(path, (404, {"error": {"message": "no such path"}}))


def props(model: str, n_ctx: int = 4096) -> dict[str, Any]:
    return {
        "model_path": model,
        "total_slots": 1,
        "default_generation_settings": {"n_ctx": n_ctx},
    }


@pytest.fixture
def serve() -> Iterator[Callable[[Engine], str]]:
    """Serves an engine on this machine: its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(engine: Engine) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler(engine))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def handler(engine: Engine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None: ...

        def do_GET(self) -> None:
            self.reply(None)

        def do_POST(self) -> None:
            self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def reply(self, body: Any) -> None:
            engine.asked.append((self.path, body))
            status, answer = engine.answer(self.path)
            if engine.key and self.headers.get("Authorization") != f"Bearer {engine.key}":
                status, answer = 401, {"error": {"message": "no key"}}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "coder-Q4.gguf"
    path.touch()
    return path


@pytest.fixture
def exported(model: Path) -> ExportConfig:
    """llama-server at 4096 tokens in one slot."""
    usual = config(model=str(model))
    settings = {"ctx-size": 4096, "batch-size": 512}
    return replace(usual, settings=settings, full_settings={**settings, "parallel": 1})


def test_what_serves_as_exported_is_healthy(
    serve: Callable[[Engine], str], model: Path, exported: ExportConfig
) -> None:
    engine = Engine(str(model))
    found = check_health(Serving(url=serve(engine), config=exported), ONCE)
    assert found.problems == ()
    assert found.healthy
    assert found.checked == (
        "it serves coder-Q4.gguf",
        "2 of 3 settings read back",
        "it replies",
    )
    assert found.unread == ("batch-size",)
    assert found.text == f"healthy: {', '.join(found.checked)}"
    (body,) = [body for path, body in engine.asked if path == "/v1/chat/completions"]
    assert (body["model"], body["max_tokens"], body["stream"]) == (str(model), 16, False)


def test_other_settings_are_named(
    serve: Callable[[Engine], str], model: Path, exported: ExportConfig
) -> None:
    engine = Engine(str(model), {"/props": (200, props(str(model), n_ctx=2048))})
    found = check_health(Serving(url=serve(engine), config=exported), ONCE)
    assert found.problems == ("ctx-size: asked 4096, runs with 2048",)
    assert not found.healthy


def test_another_model_is_named(serve: Callable[[Engine], str], exported: ExportConfig) -> None:
    found = check_health(Serving(url=serve(Engine("/models/other.gguf")), config=exported), ONCE)
    assert "serves /models/other.gguf" in found.problems[0]


def test_a_proxy_is_asked_by_the_models_name(
    serve: Callable[[Engine], str], exported: ExportConfig
) -> None:
    listed = {"data": [{"id": "writer"}, {"id": "coder-Q4"}]}
    engine = Engine("", {"/v1/models": (200, listed), "/props": (404, {})})
    found = check_health(Serving(url=serve(engine), config=exported), ONCE)
    assert found.problems == ()
    assert found.unread == ("batch-size", "ctx-size")
    assert engine.asked[-1][1]["model"] == "coder-Q4"


def test_a_name_that_a_person_gave_is_the_one_that_is_asked(
    serve: Callable[[Engine], str], exported: ExportConfig
) -> None:
    listed = {"data": [{"id": "fast"}]}
    engine = Engine("", {"/v1/models": (200, listed), "/props": (404, {})})
    url = serve(engine)
    assert check_health(Serving(url=url, config=exported, model="fast"), ONCE).healthy
    assert engine.asked[-1][1]["model"] == "fast"
    other = check_health(Serving(url=url, config=exported, model="slow"), ONCE)
    assert other.problems == ("it serves fast, exported was slow",)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (
            (500, {"error": {"message": "it  broke"}}),
            "a short request was refused with HTTP 500: it broke",
        ),
        ((200, {"choices": []}), "a short request got a reply without a word in it"),
        (
            (200, {"choices": [{"message": {"content": " "}}]}),
            "a short request got a reply without a word in it",
        ),
    ],
)
def test_a_server_that_cannot_reply_is_not_healthy(
    serve: Callable[[Engine], str],
    model: Path,
    exported: ExportConfig,
    answer: tuple[int, Any],
    problem: str,
) -> None:
    engine = Engine(str(model), {"/v1/chat/completions": answer})
    assert check_health(Serving(url=serve(engine), config=exported), ONCE).problems == (problem,)


def test_a_reply_of_thoughts_alone_is_a_reply(
    serve: Callable[[Engine], str], model: Path, exported: ExportConfig
) -> None:
    thoughts = {"choices": [{"message": {"content": "", "reasoning_content": "Well,"}}]}
    engine = Engine(str(model), {"/v1/chat/completions": (200, thoughts)})
    assert check_health(Serving(url=serve(engine), config=exported), ONCE).healthy


def test_nobody_there_is_a_problem_and_not_an_error(exported: ExportConfig) -> None:
    found = check_health(Serving(url="http://127.0.0.1:9", config=exported), ONCE)
    assert found.problems[0].startswith("http://127.0.0.1:9 does not answer: ")


def test_a_key_is_sent_and_never_shown(
    serve: Callable[[Engine], str], model: Path, exported: ExportConfig
) -> None:
    url = serve(Engine(str(model), key="s3cret"))
    refused = check_health(Serving(url=url, config=exported), ONCE)
    assert refused.problems == (f"{url}/v1/models answers HTTP 401: no key",)
    serving = Serving(url=url, config=exported, headers={"Authorization": "Bearer s3cret"})
    assert check_health(serving, ONCE).healthy
    assert "s3cret" not in repr(serving)


def test_a_generation_is_asked_about_by_its_config(
    serve: Callable[[Engine], str], model: Path, tmp_path: Path
) -> None:
    staged = Generations(tmp_path).stage(replace(draft("1"), config=config(model=str(model))))
    ask = health_check(serve(Engine("fast")), model="fast", patience=ONCE)
    assert ask(staged, None).problems == (f"the server that answers serves fast, not {model}",)
    ask = health_check(serve(Engine(str(model))), patience=ONCE)
    assert ask(staged, None).healthy


class Ticking:
    """A clock that a sleep moves on, and what happens at each sleep."""

    def __init__(self, *events: Callable[[], None]) -> None:
        self.now_s = 0.0
        self.events = list(events)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.events:
            self.events.pop(0)()

    def patience(self, **limits: float) -> Patience:
        return Patience(sleep=self.sleep, clock=lambda: self.now_s, poll_s=1.0, **limits)


def test_an_engine_that_loads_is_waited_for(
    serve: Callable[[Engine], str], model: Path, exported: ExportConfig
) -> None:
    engine = Engine(str(model), {"/v1/models": (503, {"error": {"message": "Loading model"}})})
    clock = Ticking(lambda: None, engine.answers.clear)
    serving = Serving(url=serve(engine), config=exported)
    found = check_health(serving, clock.patience(start_s=60.0, settle_s=0.0))
    assert found.healthy
    assert found.waited_s == 2.0


def test_the_old_one_is_given_time_to_end(
    serve: Callable[[Engine], str], model: Path, exported: ExportConfig
) -> None:
    engine = Engine(str(model), {"/props": (200, props(str(model), n_ctx=2048))})
    clock = Ticking(lambda: None, engine.answers.clear)
    serving = Serving(url=serve(engine), config=exported)
    assert check_health(serving, clock.patience(start_s=60.0, settle_s=5.0)).healthy


def test_but_not_for_ever(
    serve: Callable[[Engine], str], model: Path, exported: ExportConfig
) -> None:
    engine = Engine(str(model), {"/props": (200, props(str(model), n_ctx=2048))})
    clock = Ticking()
    serving = Serving(url=serve(engine), config=exported)
    found = check_health(serving, clock.patience(start_s=60.0, settle_s=5.0))
    assert (found.healthy, found.waited_s) == (False, 5.0)


def test_one_that_never_answers_is_waited_for_as_long_as_a_start_may_take(
    exported: ExportConfig,
) -> None:
    clock = Ticking()
    serving = Serving(url="http://127.0.0.1:9", config=exported)
    found = check_health(serving, clock.patience(start_s=3.0, settle_s=1.0))
    assert (found.healthy, found.waited_s) == (False, 3.0)


NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age_s", "is_engine", "problems"),
    [
        (-60.0, True, 0),
        (2.0, True, 0),
        (60.0, True, 1),
        (60.0, False, 0),
    ],
)
def test_an_engine_older_than_the_swap_was_not_restarted(
    serve: Callable[[Engine], str],
    model: Path,
    exported: ExportConfig,
    monkeypatch: pytest.MonkeyPatch,
    age_s: float,
    is_engine: bool,
    problems: int,
) -> None:
    process = ServingProcess(
        pid=41,
        name="llama-server",
        words=("llama-server",),
        started_at=NOW - timedelta(seconds=age_s),
        is_engine=is_engine,
    )
    monkeypatch.setattr(health, "serving_process", lambda _: process)
    serving = Serving(url=serve(Engine(str(model))), config=exported, since=NOW)
    found = look(serving).health
    assert len(found.problems) == problems
    told = "process 41 (llama-server) was started before the new config was in place"
    assert [text.startswith(told) for text in (*found.problems, *found.notes)] == (
        [True] if age_s > 5 else []
    )


def test_its_command_line_may_say_otherwise(
    serve: Callable[[Engine], str],
    model: Path,
    exported: ExportConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ("llama-server", "--batch-size", "2048", "--ctx-size", "1")
    process = ServingProcess(
        pid=41, name="llama-server", words=words, started_at=NOW, is_engine=True
    )
    monkeypatch.setattr(health, "serving_process", lambda _: process)
    argv = ("llama-server", "--batch-size", "512", "--ctx-size", "4096")
    serving = Serving(url=serve(Engine(str(model))), config=replace(exported, argv=argv))
    found = look(serving).health
    # The context is told by the engine itself, which knows better.
    assert found.problems == ("batch-size: its command line says 2048, exported was 512",)


def test_nothing_found_is_healthy() -> None:
    assert Health().text == "healthy"
