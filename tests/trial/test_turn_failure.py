"""A failed turn as a failure of the candidate."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.launchers.failure import FailureKind
from autotune.launchers.protocol import LaunchContext, Launcher, LaunchSpec, Server
from autotune.records import TurnRecord
from autotune.trial.turn_failure import explained


@pytest.fixture
def ended(launch_context: Callable[..., LaunchContext], tmp_path: Path) -> Callable[..., Server]:
    """`ended(log, code)`: a server that is gone, and what it left in its log."""

    def make(log: str, code: int) -> Server:
        context = launch_context(tmp_path / "m.gguf", log_path=tmp_path / "engine.log")
        context.log_path.write_text(log, encoding="utf-8")
        process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
        process.wait()
        return Server(process, "http://nowhere", LaunchSpec((), {}, tmp_path), context)

    return make


def bad(failure: str, detail: str | None = None) -> TurnRecord:
    return TurnRecord(
        arm="a", block=0, order=3, session_id="s", turn=3, started_at="", asked_output_tokens=4,
        failure=failure, detail=detail,
    )  # fmt: skip


def test_of_a_crash_the_log_says_why(
    fake_launcher: Callable[..., Launcher], ended: Callable[..., Server]
) -> None:
    server = ended("failed to allocate buffer of the compute graph\n", 1)
    failure = explained(bad("crash"), fake_launcher(), server)
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message.startswith("session s turn 3: failed to allocate")


def test_anything_else_is_what_the_client_saw(
    fake_launcher: Callable[..., Launcher], ended: Callable[..., Server]
) -> None:
    server = ended("", 0)
    failure = explained(bad("bad-reply", "no [DONE]"), fake_launcher(), server)
    assert (failure.kind, failure.message) == (
        FailureKind.BAD_REPLY,
        "session s turn 3: no [DONE]",
    )
