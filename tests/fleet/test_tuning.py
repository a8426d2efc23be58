"""Which jobs a fleet makes of its targets, and what is written down when they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from autotune.fleet.fleet_plan import Standing, TargetPlan, plan_fleet
from autotune.fleet.tuning import tune_fleet
from autotune.hardware.gpu import GpuProbe
from autotune.nightly.fingerprint import Caches
from autotune.nightly.session_index import SessionFact
from autotune.nightly.targets import Target
from autotune.search.request import RunRequest
from autotune.team.crew import Ended, Job, JobEnd, Seat, Started, Watcher

Make = Callable[..., Target]


class Jobs:
    """Does nothing, and ends each job as it is told to."""

    def __init__(self, **codes: int) -> None:
        self.codes = codes
        self.crews: list[tuple[Sequence[Job], Sequence[Seat]]] = []
        self.asked: dict[str, Any] = {}

    def __call__(
        self, jobs: Sequence[Job], seats: Sequence[Seat], watcher: Watcher
    ) -> Mapping[str, JobEnd]:
        self.crews.append((jobs, seats))
        ends = {}
        for job in jobs:
            seat = next(one for one in seats if one.gpu in job.seats)
            watcher(Started(job.name, seat))
            self.asked[job.name] = job.work(seat)
            code = self.codes.get(job.name, 0)
            ends[job.name] = JobEnd(exit_code=code, result=None if code in (75, 3) else "summary")
            watcher(Ended(job.name, seat, ends[job.name]))
        return ends


def work(request: RunRequest, seat: Seat) -> Any:
    return request, seat


@pytest.fixture
def plan(
    machine: GpuProbe, tmp_path: Path, look: dict[str, Any]
) -> Callable[..., list[TargetPlan]]:
    def planned(*targets: Target) -> list[TargetPlan]:
        return list(plan_fleet(targets, machine, Caches(tmp_path / "cache")))

    return planned


def test_gpus_side_by_side_and_then_the_processor(
    plan: Callable[..., list[TargetPlan]], make_target: Make, tmp_path: Path
) -> None:
    plans = plan(
        make_target("c", gpu="cpu"), make_target("a"), make_target("b", gpu="4090"),
        make_target("n", gpu="5090"),
    )  # fmt: skip
    jobs = Jobs(b=1)
    ends = tune_fleet(plans, work, jobs)
    assert list(ends) == ["c", "a", "b"]
    (gpus, cards), (cpu, processor) = jobs.crews
    assert [job.name for job in gpus] == ["a", "b"]
    assert [seat.gpu for seat in cards] == ["GPU-1a", "GPU-2b", "GPU-3c"]
    assert gpus[0].seats == ("GPU-1a", "GPU-2b")
    assert all(seat.share.memory_bytes for seat in cards)
    assert ([job.name for job in cpu], processor[0].share.memory_bytes) == (["c"], None)
    request, _ = jobs.asked["a"]
    assert request.study == "fleet-a"
    assert request.workload.parent == tmp_path / "studies" / "fleet" / "a" / "sessions"
    assert request.workload.is_file()


@pytest.mark.parametrize(
    ("code", "standing"),
    [(0, Standing.DONE), (1, Standing.DONE), (4, Standing.DONE), (75, Standing.UNFINISHED),
     (3, Standing.UNFINISHED)],
)  # fmt: skip
def test_what_ended_is_not_run_again_and_what_did_not_is_gone_on_with(
    plan: Callable[..., list[TargetPlan]], make_target: Make, code: int, standing: Standing,
    tmp_path: Path,
) -> None:  # fmt: skip
    from autotune.study.files import write_json

    target = make_target("a")
    tune_fleet(plan(target), work, Jobs(a=code))
    write_json(tmp_path / "studies" / "fleet-a" / "result.json", {"summary": {}})
    (again,) = plan(target)
    assert (again.standing, again.study) == (standing, "fleet-a")


def test_captures_that_changed_meanwhile_fail_their_target_alone(
    plan: Callable[..., list[TargetPlan]], make_target: Make, look: dict[str, Any]
) -> None:
    gone = SessionFact(
        session_id="x", root="x", content="c", start_ms=None, at_s=0.0, turns=1, deepest=1
    )
    look["sessions"] = (gone,)
    jobs = Jobs()
    ends = tune_fleet(plan(make_target("a")), work, jobs)
    assert ends["a"].failed
    assert "changed while they were read" in ends["a"].error
    assert jobs.crews == []
