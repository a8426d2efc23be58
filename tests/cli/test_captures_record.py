"""``autotune captures record`` as a person starts it, uses it, interrupts it and kills it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_upstream import Answering, FakeUpstream, chat_stream, speak
from running_proxy import chat_body

from autotune.cli.captures_record import parse_size
from autotune.cli.main import main
from autotune.errors import UserError
from autotune.workload.load import load_workload

CHAT = "/v1/chat/completions"


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream({CHAT: speak("Hi there")}) as fake:
        yield fake


class Recorder:
    """A recorder in a process of its own, told of with JSON events."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        assert process.stdout is not None
        self.url = json.loads(process.stdout.readline())["url"]

    def post(self, *texts: str, **more: Any) -> httpx.Response:
        headers = {"authorization": "Bearer sk-very-secret"}
        body = chat_body(*texts, **more)
        return httpx.post(self.url + CHAT, json=body, headers=headers, timeout=20)

    def end(self, number: int = signal.SIGINT) -> tuple[int, list[dict[str, Any]], str]:
        """The exit code, the events since it began and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture
def recorder(tmp_path: Path, cli_env: dict[str, str]) -> Iterator[Callable[..., Recorder]]:
    with ExitStack() as stack:

        def start(upstream_url: str, *flags: str) -> Recorder:
            argv = ["captures", "record", "--upstream", upstream_url, "--out", "captures"]
            process = subprocess.Popen(
                [sys.executable, "-m", "autotune.cli.main", *argv, "--port=0", "--json", *flags],
                cwd=tmp_path,
                env=cli_env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return Recorder(process, tmp_path / "captures")

        yield start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_everything_written(
    upstream: FakeUpstream, recorder: Callable[..., Recorder], number: int
) -> None:
    running = recorder(upstream.url)
    for count in range(5):
        assert running.post(*"abcdefghi"[: 2 * count + 1]).content == b"".join(
            chat_stream("Hi there")
        )
    code, events, err = running.end(number)
    assert (code, err) == (0, "")
    # The last turn may be written while it stops already.
    told = [event["event"] for event in events if event["event"] != "turn_written"]
    assert told[-2:] == ["stopping", "stopped"]
    assert (events[-1]["turns"], events[-1]["sessions"]) == (5, 1)
    workload = load_workload(running.folder)
    assert workload.damage == ()
    assert len(workload.turns) == 5
    written = b"".join(path.read_bytes() for path in running.folder.iterdir())
    assert b"very-secret" not in written + json.dumps(events).encode()


def test_a_second_signal_cuts_what_is_under_way(
    upstream: FakeUpstream, recorder: Callable[..., Recorder]
) -> None:
    def endless(answer: Answering) -> None:
        answer.head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        answer.chunk(chat_stream()[1])
        answer.client_left(20)

    upstream.scripts[CHAT] = endless
    running = recorder(upstream.url)
    with httpx.stream("POST", running.url + CHAT, json=chat_body("x"), timeout=20) as reply:
        pieces = reply.iter_raw()  # held: one that is dropped hangs up
        assert next(pieces)
        assert running.process.stdout is not None
        running.process.send_signal(signal.SIGINT)
        assert json.loads(running.process.stdout.readline())["under_way"] == 1
        code, events, _ = running.end()
    assert code == 130
    (turn,) = [event for event in events if event["event"] == "turn_written"]
    assert turn["failure"] == "the recorder was stopped"


def test_a_kill_loses_at_most_the_request_under_way(
    upstream: FakeUpstream, recorder: Callable[..., Recorder]
) -> None:
    running = recorder(upstream.url)
    for text in "abc":
        running.post(text)
    assert running.process.stdout is not None
    told = [json.loads(running.process.stdout.readline())["event"] for _ in range(3)]
    assert told == ["turn_written"] * 3
    running.process.kill()
    running.process.wait()
    workload = load_workload(running.folder)
    assert workload.damage == ()
    assert len(workload.sessions) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_without_json_it_tells_on_stderr_and_sums_up_on_stdout(
    upstream: FakeUpstream, tmp_path: Path, cli_env: dict[str, str]
) -> None:
    argv = ["captures", "record", "--upstream", upstream.url, "--out", "c", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "autotune.cli.main", *argv, "--per", "day", "--rotate", "1MB"],
        cwd=tmp_path,
        env=cli_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(4)]
        url = lines[2].strip().partition("ANTHROPIC_BASE_URL=")[2]
        httpx.post(url + CHAT, json=chat_body("x"), timeout=20)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert lines[0] == f"recording {upstream.url} into c\n"
    # The client had its reply; whether the recorder had closed the request by then is luck.
    assert err in ("", "stopping; 1 request under way (Ctrl-C again cuts them)\n")
    assert out.startswith("1 turn in 1 session in c, deepest 11 tokens, TTFT p50 ")
    assert process.returncode == 0
    assert main(["captures", "inspect", str(tmp_path / "c"), "--json"]) == 0


def test_a_disk_that_refuses_is_told_and_the_agent_goes_on(
    upstream: FakeUpstream, recorder: Callable[..., Recorder]
) -> None:
    running = recorder(upstream.url)
    running.folder.rmdir()  # nothing can be created in it any more
    for text in "ab":
        assert running.post(text).status_code == 200
    code, events, _ = running.end()
    assert code == 3
    notices = [event["message"] for event in events if event["event"] == "notice"]
    assert notices == ["no longer recording: No such file or directory; still forwarding"]
    assert events[-1]["not_recorded"] == {"disk": 2}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--upstream", "127.0.0.1:8080", "--out", "c"], "is not an http address"),
        (["--upstream", "http://h", "--out", "c", "--host", "0.0.0.0"], "other machines"),
        (["--upstream", "http://h", "--out", "c", "--rotate", "5kB"], "not a size of a megabyte"),
        (["--upstream", "http://h", "--out", "c", "--per", "week"], "--per"),
        (["--upstream", "http://h", "--out", "c", "--port", "70000"], "--port"),
        (["--upstream", "http://h"], "out"),
        (["--upstream", "http://h", "--out", "/dev/null/x", "--port", "0"], "cannot write to"),
    ],
)
def test_what_cannot_be_is_refused(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    flags: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["captures", "record", *flags]) == 2
    assert said in capsys.readouterr().err


def test_a_port_that_is_taken_is_a_matter_of_the_machine(
    capsys: pytest.CaptureFixture[str], upstream: FakeUpstream, tmp_path: Path
) -> None:
    port = upstream.url.rpartition(":")[2]
    flags = ["--upstream", "http://h", "--out", str(tmp_path / "c"), "--port", port]
    assert main(["captures", "record", *flags]) == 3
    assert f"port {port}" in capsys.readouterr().err


def test_sizes() -> None:
    sizes = {"256MB": 256_000_000, "1.5 GB": 1_500_000_000, "2000k": 2_000_000, "64m": 64_000_000}
    assert {text: parse_size(text) for text in sizes} == sizes
    for text in ("", "MB", "999999", "-5MB", "1TB"):
        with pytest.raises(UserError):
            parse_size(text)
