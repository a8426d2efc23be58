"""By how much neighbours disturb: the figures, which runs count, and real engines beside others."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from autotune.cli.seat_process import main
from autotune.errors import MachineError
from autotune.search.aa import AaRun, write_built_in
from autotune.search.request import RunRequest
from autotune.team.crew import Crew, Ended, Job, JobEnd, Seat, Told, Watcher
from autotune.team.neighbours import (
    MEASURED,
    Look,
    disturbance,
    measure_disturbance,
)

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
SEAT, OTHER = Seat("cpu", "first"), Seat("cpu2", "second")


def test_the_ratio_and_its_interval_are_welchs() -> None:
    """Worked by hand: logs 0, 0.2 and 0.4, 0.6; s2 = 0.02 each, se = sqrt(0.02), df = 2."""
    alone, beside = [1.0, math.exp(0.2)], [math.exp(0.4), math.exp(0.6)]
    found = disturbance(alone, beside, 3)
    half = 4.302653 * math.sqrt(0.02)
    assert found.ratio == pytest.approx(math.exp(0.4))
    assert found.low == pytest.approx(math.exp(0.4 - half), rel=1e-5)
    assert found.high == pytest.approx(math.exp(0.4 + half), rel=1e-5)
    assert (found.alone_s, found.beside_s) == pytest.approx((math.exp(0.1), math.exp(0.5)))
    assert (found.alone_runs, found.beside_runs, found.neighbours) == (2, 2, 3)
    assert not found.is_shown
    assert found.to_json()["is_shown"] is False


def test_a_difference_without_any_noise_is_shown() -> None:
    found = disturbance([1.0, 1.0], [1.5, 1.5], 1)
    assert (found.low, found.high) == pytest.approx((1.5, 1.5))
    assert found.is_shown


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    luck, held = random.Random(0), 0
    for _ in range(400):
        alone = [math.exp(luck.gauss(0, 0.05)) for _ in range(6)]
        beside = [math.exp(luck.gauss(0.1, 0.15)) for _ in range(4)]
        found = disturbance(alone, beside, 1)
        held += found.low <= math.exp(0.1) <= found.high
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize(("alone", "beside"), [([1.0], [1.0, 1.0]), ([1.0, 1.0], [])])
def test_too_few_runs_say_nothing(alone: list[float], beside: list[float]) -> None:
    with pytest.raises(MachineError, match="too few runs"):
        disturbance(alone, beside, 1)


def run(job: str, seconds: float = 1.0, turn_s: float | None = 2.0) -> Told:
    return Told(job, SEAT, AaRun(1, seconds, turn_s, False))


def test_runs_count_from_when_every_neighbour_is_at_work() -> None:
    now = [0.0]
    told: list[AaRun] = []
    look = Look(5.0, threading.Event(), lambda: now[0], told.append, 2, {"a", "b"})
    steps = [
        (1.0, run(MEASURED)), (2.0, run("a")), (3.0, run("b")),
        (3.5, run(MEASURED)),  # began before b had made its first run
        (4.5, run(MEASURED)), (5.0, run("a")), (6.0, run(MEASURED, turn_s=None)),
    ]  # fmt: skip
    for at, progress in steps:
        now[0] = at
        look(progress)
    assert (look.turns_s, len(told)) == ([2.0], 2)
    assert not look.stop.is_set()
    now[0] = 8.0
    look(run(MEASURED))
    assert look.stop.is_set()


def test_a_worker_that_ends_by_itself_ends_the_phase() -> None:
    look = Look(5.0, threading.Event(), lambda: 0.0, lambda _: None, 1)
    look(Ended("a", SEAT, JobEnd(exit_code=3, error="x")))
    assert look.stop.is_set()


def request(manifest: Path, model: Path, workload: Path) -> Callable[[Seat], RunRequest]:
    path = write_built_in(workload)
    return lambda _: RunRequest(
        workload=path, engine=str(manifest), model=model, gpu="cpu",
        max_output_tokens=3,
    )  # fmt: skip


def in_processes(
    jobs: Sequence[Job], seats: Sequence[Seat], watcher: Watcher, stop: threading.Event
) -> Mapping[str, JobEnd]:
    return Crew(jobs, seats, watcher, stop, main).run()


def test_engines_of_two_workers_beside_each_other(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> None:
    manifest = fake_engine_manifest(token_us=20_000.0, search_space=str(SPACE))
    heard: list[str] = []
    found = measure_disturbance(
        request(manifest, fake_model, tmp_path / "w.jsonl"),
        (SEAT, OTHER),
        0.1,
        in_processes,
        clock=time.monotonic,
        told=lambda phase, _: heard.append(phase),
    )
    assert (found.alone_runs, found.neighbours) == (heard.count("alone"), 1)
    assert found.beside_runs == heard.count("beside") >= 2
    assert heard[0] == heard[-1] == "alone"
    assert 0 < found.low <= found.ratio <= found.high


def test_a_neighbour_that_cannot_measure_is_named(fake_model: Path, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"measured: .*nowhere"):
        measure_disturbance(
            request(tmp_path / "nowhere.toml", fake_model, tmp_path / "w.jsonl"),
            (SEAT, OTHER),
            0.1,
            in_processes,
            clock=lambda: 0.0,
            told=lambda *_: None,
        )
