"""Recording beside the stream: what is written, what is counted, and what is never held up."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_upstream import chat_stream

from autotune.recording.apis import Api
from autotune.recording.backlog import Backlog
from autotune.recording.events import Event, Notice, NotRecorded, TurnWritten
from autotune.recording.files import CaptureFiles, Per
from autotune.recording.reading import Reading
from autotune.recording.recorder import Recorder
from autotune.recording.tap import MAX_REPLY_BYTES, Tap
from autotune.recording.threads import Threads
from autotune.workload.load import load_workload

JSON = [(b"content-type", b"application/json")]
SSE = [(b"content-type", b"text/event-stream")]
Make = Callable[..., tuple[Recorder, list[Event]]]


@pytest.fixture
def recorder(tmp_path: Path) -> Make:
    """A recorder that is not started, and the list of what it tells."""

    def make(**options: Any) -> tuple[Recorder, list[Event]]:
        files = CaptureFiles(tmp_path, Per.SESSION, 10**9, lambda: datetime.now(UTC))
        heard: list[Event] = []

        def hear(event: Event | None) -> None:
            if event is not None:
                heard.append(event)

        reading = Reading(Threads("t", files.forget), lambda: None)
        return Recorder(reading, files, hear, **options), heard

    return make


def tapped(body: Any, reply: Any = None, status: int = 200, api: Api = Api.CHAT) -> Tap:
    """A request that has passed; without `reply` it is a chat stream."""
    tap = Tap(api, [(b"authorization", b"Bearer sk-secret-key")])
    tap.sent(body if isinstance(body, bytes) else json.dumps(body).encode())
    if status:
        tap.answered(status, JSON if reply is not None else SSE)
    for data in chat_stream() if reply is None else [json.dumps(reply).encode()]:
        tap.received(data)
    return tap


def asked(*texts: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}


def record(made: Recorder, *taps: Tap, failure: str | None = None) -> None:
    for tap in taps:
        made.begun()
        made.ended(tap, failure)
    made.start()
    made.close()


def test_requests_are_counted_and_turns_told(recorder: Make, tmp_path: Path) -> None:
    made, heard = recorder()
    made.begun()
    made.ended(None, None)  # a list of models
    record(made, tapped(asked("a")), tapped(asked("b")))
    totals = made.totals
    assert (totals.requests, totals.under_way, totals.turns, totals.sessions) == (3, 0, 2, 2)
    assert totals.deepest_tokens == 11
    assert totals.ttft_p50_ms is not None
    assert [type(event) for event in heard] == [TurnWritten, TurnWritten]
    assert len(load_workload(tmp_path).sessions) == 2


def test_a_full_backlog_drops_and_says_so(recorder: Make) -> None:
    made, heard = recorder(backlog=Backlog(max_exchanges=2))
    record(made, *(tapped(asked(str(number))) for number in range(5)))
    assert made.totals.turns == 2
    assert made.totals.not_recorded == {"backlog": 3}
    assert sum(isinstance(event, NotRecorded) for event in heard) == 3


def test_a_reply_beyond_reason_is_let_go_at_once(recorder: Make) -> None:
    made, _ = recorder()
    tap = tapped(asked("a"))
    tap.received(bytes(MAX_REPLY_BYTES))
    assert tap.exchange().held_bytes == 0
    record(made, tap)
    assert made.totals.not_recorded == {"too-large": 1}


@pytest.mark.parametrize(
    ("tap", "kind", "reason"),
    [
        (tapped(b"\xff\xfe"), "unreadable", "UnicodeDecodeError"),
        (tapped(b"{"), "unreadable", "Expecting value: line 1"),
        (tapped({"messages": [{"role": "user", "content": 1}]}), "unreadable", "messages: "),
        (tapped({"prompt": [1, 2]}, api=Api.COMPLETIONS), "unreadable", "prompt: "),
        (tapped(asked("a"), {"error": "no sk-secret-key"}, 401), "refused", "HTTP 401: no [red"),
        (tapped(asked("a"), {}, 302), "refused", "HTTP 302"),
        (tapped(asked("a"), [], 500), "refused", "HTTP 500"),
    ],
)
def test_what_is_no_turn_is_counted_with_its_reason(
    recorder: Make, tmp_path: Path, tap: Tap, kind: str, reason: str
) -> None:
    made, heard = recorder()
    record(made, tap, tapped(asked("next")))
    (lost,) = [event for event in heard if isinstance(event, NotRecorded)]
    assert lost.kind == kind
    assert lost.reason.startswith(reason)
    assert "sk-secret" not in lost.reason
    assert made.totals.turns == 1


def test_numbers_that_json_has_not_are_no_turn_and_stop_nothing(recorder: Make) -> None:
    made, _ = recorder()
    body = b'{"messages": [{"role": "user", "content": "x", "odd": 1e999}]}'
    record(made, tapped(body), tapped(asked("next")))
    assert made.totals.not_recorded == {"unreadable": 1}
    assert made.totals.turns == 1


def test_a_disk_that_is_full_is_told_once_and_again_when_it_is_not(
    recorder: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, heard = recorder()
    whole = CaptureFiles.append
    left = [1, 0, 0, 1]

    def append(files: CaptureFiles, turn: Any) -> Any:
        if not left.pop(0):
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(files, turn)

    monkeypatch.setattr(CaptureFiles, "append", append)
    record(made, *(tapped(asked(str(number))) for number in range(4)))
    assert [event.message for event in heard if isinstance(event, Notice)] == [
        "no longer recording: No space left on device; still forwarding",
        "recording again; 2 requests are not in the capture",
    ]
    assert made.totals.not_recorded == {"disk": 2}
    assert len(load_workload(tmp_path).sessions) == 2


def test_a_key_in_an_error_is_struck_out(recorder: Make, tmp_path: Path) -> None:
    made, heard = recorder()
    record(made, tapped(asked("a"), {"error": {"message": "bad key sk-secret-key"}}))
    (turn,) = load_workload(tmp_path).sessions[0].turns
    assert turn.origin["error"] == "bad key [redacted]"
    assert "sk-secret" not in str(heard)


def test_the_hot_path_never_waits_for_the_writer(recorder: Make) -> None:
    made, _ = recorder()
    going, stuck = threading.Event(), threading.Event()

    def hold(event: Event | None) -> None:
        stuck.set()
        assert going.wait(10)

    made.listener = hold
    made.start()
    made.ended(tapped(asked("a")), None)
    assert stuck.wait(10)  # the writer's thread does not go on
    for number in range(3):
        made.ended(tapped(asked(str(number))), None)
    going.set()
    made.close()
    assert made.totals.turns == 4


def test_encodings_that_cannot_be_read_are_told_once(recorder: Make) -> None:
    made, heard = recorder()
    for _ in range(3):
        made.asked_without(("br", "x-odd"))
    record(made)
    assert ["br" in event.message for event in heard if isinstance(event, Notice)] == [True, False]
