"""Locks: one process at a time, and the second is told who the first is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.nightly.gpu_lock import (
    HeldError,
    Holder,
    Waiting,
    gpu_holder,
    gpu_lock,
    state_holder,
    state_lock,
    worker_lock,
)

CARD = "GPU-5f3c"
HOLDS = """\
import sys
from pathlib import Path
from autotune.nightly.gpu_lock import gpu_lock
with gpu_lock(sys.argv[1], Path(sys.argv[2]), "other"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the card until its input ends."""
    argv = [sys.executable, "-c", HOLDS, CARD, str(tmp_path)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def letting_go(process: subprocess.Popen[str], after: int) -> Callable[[float], None]:
    """A sleep in the course of which the other process ends."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == after:
            process.communicate("")

    return sleep


def test_a_second_process_skips_and_names_the_first(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    with pytest.raises(HeldError) as caught, gpu_lock(CARD, tmp_path, "coder"):
        pass
    holder = caught.value.holder
    assert holder is not None
    assert (holder.pid, holder.target) == (other.pid, "other")
    assert caught.value.message == f"GPU {CARD} is taken by {holder.text}"
    assert holder.text.startswith(f"the night of other (process {other.pid}, since ")
    assert gpu_holder(CARD, tmp_path) == holder


def test_or_waits_until_the_first_has_ended(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    waiting = Waiting(most_s=60.0, poll_s=0.01, sleep=letting_go(other, 2))
    with gpu_lock(CARD, tmp_path, "coder", waiting):
        held = gpu_holder(CARD, tmp_path)
        assert held is not None
        assert (held.pid, held.target) == (os.getpid(), "coder")
    assert gpu_holder(CARD, tmp_path) is None


def test_or_gives_up_waiting(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    now = iter([0.0, 1.0, 5.0, 10.0])
    waiting = Waiting(most_s=10.0, sleep=lambda _: None, clock=lambda: next(now))
    with pytest.raises(HeldError), gpu_lock(CARD, tmp_path, "coder", waiting):
        pass
    assert next(now, None) is None


def test_a_lock_dies_with_its_process(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert gpu_holder(CARD, tmp_path) is None
    with gpu_lock(CARD, tmp_path, "coder"):
        pass


def test_other_cards_are_free(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with gpu_lock("MIG-1/2", tmp_path, "coder"), gpu_lock("cpu", tmp_path, "coder"):
        assert gpu_holder("MIG-1/2", tmp_path) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{CARD}.lock",
        "MIG-1-2.lock",
        "cpu.lock",
    ]


def test_a_target_has_one_writer(tmp_path: Path) -> None:
    state = tmp_path / "nightly" / "coder"
    assert state_holder(state) is None
    with state_lock(state, "coder"):
        assert state_holder(state) is not None
        with pytest.raises(HeldError, match="target coder is taken"), state_lock(state, "coder"):
            pass
    assert state_holder(state) is None


def test_a_holder_that_does_not_say_who_it_is(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    (tmp_path / f"{CARD}.lock").write_text(json.dumps({"pid": 1}), encoding="utf-8")
    with pytest.raises(HeldError) as caught, gpu_lock(CARD, tmp_path, "coder"):
        pass
    assert caught.value.message == f"GPU {CARD} is taken by another process"
    assert caught.value.holder is None


def test_since_is_said_by_the_clock_on_the_wall() -> None:
    moment = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    holder = Holder(41, "coder", moment.isoformat())
    assert holder.text == f"the night of coder (process 41, since {moment.astimezone():%H:%M})"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="cannot write"), gpu_lock(CARD, tmp_path / "file", "c"):
        pass


def test_a_worker_and_a_night_keep_out_of_each_others_way(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    with pytest.raises(HeldError) as caught, worker_lock(CARD, tmp_path, "box"):
        pass
    assert "the night of other" in caught.value.message
    assert "name other GPUs" in caught.value.hint
    with worker_lock("cpu", tmp_path, "box"):
        holder = gpu_holder("cpu", tmp_path)
        assert holder is not None
        assert holder.text.startswith("the worker of box (process ")
        with pytest.raises(HeldError, match="the worker of box"), gpu_lock("cpu", tmp_path, "c"):
            pass
