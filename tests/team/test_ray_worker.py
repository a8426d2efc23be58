"""The actor carries messages to and from a real process, whatever becomes of that."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fake_ray
import pytest

from autotune.team import ray_worker
from autotune.team.ray_worker import RayWorker

WAIT_S = 60.0

PROGRAM = """
import json, os, sys
order = json.loads(sys.stdin.readline())
print(json.dumps({"host": "here", "pid": os.getpid(), **order}), flush=True)
for line in sys.stdin:
    print(json.dumps({"event": line.strip()}), flush=True)
    if line.strip() == "now":
        print("not JSON", flush=True)
        print(json.dumps({"ended": {"exit_code": 130}}), flush=True)
        break
"""


class Actor:
    """An actor, and everything that it told so far."""

    def __init__(self, settings: str = "{}") -> None:
        self.worker = RayWorker(settings)
        self.life, self.rows, self.ended = "", list[dict[str, Any]](), False

    def until(self, condition: Callable[[], bool]) -> None:
        """Ask for news until `condition` holds; fails when it does not in a minute."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, self.rows
            news = self.worker.news(self.life, len(self.rows))
            self.life, self.ended = news["life"], news["ended"]
            self.rows += news["rows"]


@pytest.fixture
def actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Actor]:
    """Actors whose process is a small program in place of a worker."""
    (tmp_path / "stand_in_worker.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(ray_worker, "PROCESS", "stand_in_worker")
    ray: Any = fake_ray.install(monkeypatch)
    context = SimpleNamespace(get_accelerator_ids=lambda: {"GPU": ["3"]})
    ray.get_runtime_context = lambda: context
    return Actor


def test_the_process_gets_settings_and_the_gpus_that_ray_gave(actor: Callable[..., Actor]) -> None:
    made = actor('{"slot": 1}')
    made.until(lambda: bool(made.rows))
    assert made.rows[0]["settings"] == '{"slot": 1}'
    assert made.rows[0]["gpus"] == ["3"]
    made.worker.stop(at_once=True)
    made.until(lambda: made.ended)


def test_stops_are_passed_on_and_the_end_is_told(actor: Callable[..., Actor]) -> None:
    made = actor()
    made.worker.stop(at_once=False)
    made.until(lambda: {"event": "stop"} in made.rows)
    assert not made.ended
    made.worker.stop(at_once=True)
    made.until(lambda: made.ended)
    assert made.rows[-1] == {"ended": {"exit_code": 130}}


def test_news_that_were_heard_are_not_told_again(actor: Callable[..., Actor]) -> None:
    made = actor()
    made.worker.stop(at_once=True)
    made.until(lambda: made.ended)
    again = made.worker.news(made.life, len(made.rows))
    assert (again["rows"], again["ended"]) == ([], True)
    assert made.worker.news("another life", 7)["rows"] == made.rows


def test_a_process_that_is_killed_is_told_as_lost(actor: Callable[..., Actor]) -> None:
    made = actor()
    made.until(lambda: bool(made.rows))
    os.kill(made.rows[0]["pid"], signal.SIGKILL)
    made.until(lambda: made.ended)
    assert made.rows[-1] == {"ended": {"lost": True}}
    made.worker.stop(at_once=True)  # nobody is there to hear it, and that is no error


def test_a_process_that_cannot_be_started_is_an_end_with_its_reason(
    actor: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    made = actor()
    made.until(lambda: made.ended)
    assert "cannot be started" in made.rows[-1]["ended"]["error"]


def test_what_is_run_has_no_word_from_elsewhere(
    actor: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    popen = ray_worker.subprocess.Popen

    def noting(argv: list[str], **options: Any) -> Any:
        commands.append(argv)
        return popen(argv, **options)

    monkeypatch.setattr(ray_worker.subprocess, "Popen", noting)
    made = actor(json.dumps({"argv": ["/bin/sh"]}))
    made.worker.stop(at_once=True)
    made.until(lambda: made.ended)
    assert commands == [[sys.executable, "-P", "-m", "stand_in_worker"]]
