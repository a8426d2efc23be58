"""Worker processes of one host: a GPU each, words for them, and none that is left behind.

The processes are real; what they do is of this file.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from crew_works import Steps, main

from autotune.team.cores import Share
from autotune.team.crew import Crew, Ended, Job, JobEnd, Progress, Seat, Started, Told

ONE, TWO = Seat("GPU-1", "first"), Seat("GPU-2", "second")


@dataclass
class Watched:
    """Everything that is told, and what is done at some of it."""

    seen: list[Progress]
    act: Callable[[Progress], None] = lambda _: None

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress)
        self.act(progress)

    def of(self, kind: type[Progress]) -> list[str]:
        return [one.job for one in self.seen if isinstance(one, kind)]


def job(name: str, *seats: Seat, **how: object) -> Job:
    return Job(name, tuple(seat.gpu for seat in seats), lambda seat: Steps(seat.gpu, **how))  # type: ignore[arg-type]


def crew(*jobs: Job, act: Callable[[Progress], None] = lambda _: None) -> tuple[Crew, Watched]:
    watched = Watched([], act)
    return Crew(jobs, (ONE, TWO), watched, threading.Event(), main), watched


def test_never_two_on_one_gpu_and_none_waits_beside_a_free_one() -> None:
    made, watched = crew(job("a", ONE), job("b", ONE), job("c", ONE, TWO), job("d", TWO))
    ends = made.run()
    assert list(ends) == ["a", "b", "c", "d"]
    assert all(end.exit_code == 0 for end in ends.values())
    assert (ends["a"].result, ends["b"].result) == ("GPU-1", "GPU-1")
    assert ends["d"].result == "GPU-2"
    busy: set[str] = set()
    for one in watched.seen:
        if isinstance(one, Started):
            assert one.seat.gpu not in busy
            busy.add(one.seat.gpu)
        elif isinstance(one, Ended):
            assert one.seat is not None
            busy.remove(one.seat.gpu)
    assert watched.of(Started)[:2] == ["a", "c"]


def test_what_a_worker_tells_arrives_in_order_and_its_end_last() -> None:
    made, watched = crew(job("a", ONE, steps=3))
    made.run()
    kinds = [type(one) for one in watched.seen]
    assert kinds == [Started, Told, Told, Told, Ended]


def test_a_worker_keeps_to_its_processors_before_it_works() -> None:
    mine = frozenset({min(os.sched_getaffinity(0))})
    watched = Watched([])
    seat = Seat("GPU-1", "first", Share(mine, None))
    work = Job("a", ("GPU-1",), lambda _: Steps("affinity"))
    ends = Crew([work], [seat], watched, threading.Event(), main).run()
    assert ends["a"].result == sorted(mine)


def test_an_error_is_the_jobs_own() -> None:
    made, _ = crew(job("a", ONE, fails="no room"), job("b", TWO))
    ends = made.run()
    assert (ends["a"].exit_code, ends["a"].error, ends["a"].hint) == (3, "no room", "make some")
    assert ends["a"].failed
    assert not ends["b"].failed


def test_a_process_that_is_killed_is_told_of() -> None:
    def kill(progress: Progress) -> None:
        if isinstance(progress, Told):
            (child,) = [p for p in psutil.Process().children() if "spawn_main" in str(p.cmdline())]
            child.kill()

    made, _ = crew(job("a", ONE, steps=10_000), act=kill)
    end = made.run()["a"]
    assert end.exit_code == 3
    assert end.error == "its process is gone (killed by signal 9)"
    assert "run the same command again" in end.hint


def test_a_polite_stop_ends_what_runs_and_begins_nothing() -> None:
    made, watched = crew(job("a", ONE, steps=10_000), job("b", ONE))
    watched.act = lambda progress: made.stop.set() if isinstance(progress, Told) else None
    ends = made.run()
    assert (ends["a"].exit_code, ends["a"].result) == (75, "GPU-1")
    assert ends["b"] == JobEnd(exit_code=75, begun=False)
    assert watched.of(Started) == ["a"]


def test_an_interrupt_stops_workers_at_once_and_is_raised_on() -> None:
    def interrupt(progress: Progress) -> None:
        if isinstance(progress, Told):
            raise KeyboardInterrupt

    made, watched = crew(job("a", ONE, steps=10_000, deaf=True), job("b", ONE), act=interrupt)
    before = set(psutil.Process().children())
    with pytest.raises(KeyboardInterrupt):
        made.run()
    ended = {one.job: one.end for one in watched.seen if isinstance(one, Ended)}
    assert ended["a"].exit_code == 130
    assert not ended["b"].begun
    left = [
        p
        for p in psutil.Process().children()
        if p not in before and "spawn_main" in str(p.cmdline())
    ]
    assert not left


def test_workers_do_not_outlive_the_process_that_watches_them(tmp_path: Path) -> None:
    """The watcher is killed, and cannot say a word."""
    import subprocess

    script = Path(__file__).parents[1] / "fakes" / "crew_works.py"
    watcher = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "pid")], stdout=subprocess.PIPE, text=True
    )
    assert watcher.stdout is not None
    worker = psutil.Process(int(watcher.stdout.readline()))
    watcher.send_signal(signal.SIGKILL)
    watcher.wait()
    watcher.stdout.close()
    psutil.wait_procs([worker], timeout=60)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
