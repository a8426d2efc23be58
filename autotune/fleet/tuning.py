"""The jobs of a fleet on this host, and what is written down when they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autotune.errors import AutotuneError, ExitCode
from autotune.fleet.fleet_plan import TargetPlan
from autotune.fleet.record import of_kind
from autotune.nightly.grown_workload import write_sessions
from autotune.nightly.session_files import FOLDER
from autotune.nightly.settled import Settled
from autotune.search.request import RunRequest
from autotune.team.cores import divide_host
from autotune.team.crew import Ended, Job, JobEnd, Progress, Seat, Started, Watcher, Work

SETTLES = frozenset(
    {int(ExitCode.DONE), int(ExitCode.NOTHING_BETTER), int(ExitCode.NO_FEASIBLE_TRIAL)}
)
"""Ends after which there is nothing to go on with."""

MakeWork = Callable[[RunRequest, Seat], Work]
"""A study as the work of a seat."""

RunJobs = Callable[[Sequence[Job], Sequence[Seat], Watcher], Mapping[str, JobEnd]]
"""Does jobs on seats, and shows it besides telling the watcher."""


def tune_fleet(
    plans: Sequence[TargetPlan], make_work: MakeWork, run_jobs: RunJobs
) -> dict[str, JobEnd]:
    """Tune every target of `plans` that is due; how each ended, by name.

    Targets on different GPUs are tuned side by side, each with its share of the host; those on the
    processor after them and one after the other, as they have all of it. What has come to its end
    is written down at once. Raises `MachineError` where that cannot be.
    """
    due = [plan for plan in plans if plan.runs]
    ends: dict[str, JobEnd] = {}
    for together in ([p for p in due if not p.where.on_cpu], [p for p in due if p.where.on_cpu]):
        requests, failed = _requests(together)
        ends |= failed
        ready = [plan for plan in together if plan.target.name in requests]
        if ready:
            jobs = [_job(plan, requests[plan.target.name], make_work) for plan in ready]
            keeper = _Keeper({plan.target.name: plan for plan in ready})
            ends |= run_jobs(jobs, tuple(_seats(ready)), keeper)
    return {plan.target.name: ends[plan.target.name] for plan in due}


def _requests(
    plans: Sequence[TargetPlan],
) -> tuple[dict[str, RunRequest], dict[str, JobEnd]]:
    """What each study asks for, and those targets for which that cannot be told any more."""
    requests: dict[str, RunRequest] = {}
    failed: dict[str, JobEnd] = {}
    for plan in plans:
        try:
            requests[plan.target.name] = _request(plan)
        except AutotuneError as error:
            failed[plan.target.name] = JobEnd(
                exit_code=int(error.exit_code), error=error.message, hint=error.hint
            )
    return requests, failed


def _seats(plans: Sequence[TargetPlan]) -> Iterator[Seat]:
    """A seat for each card that any of them may be tuned on."""
    labels: dict[str, str] = {}
    for plan in plans:
        labels |= {gpu.uuid: gpu.label for gpu in plan.where.gpus}
        labels |= {"cpu": "the processor"} if plan.where.on_cpu else {}
    shares = divide_host(len(labels)).shares
    for (uuid, label), share in zip(labels.items(), shares, strict=True):
        yield Seat(uuid, label, share)


def _job(plan: TargetPlan, request: RunRequest, make_work: MakeWork) -> Job:
    return Job(plan.target.name, plan.where.seats, lambda seat: make_work(request, seat))


def _request(plan: TargetPlan) -> RunRequest:
    """What the study asks for: the model and the sessions that were seen when it was planned."""
    assert plan.seen is not None
    assert plan.study is not None
    target, seen = plan.target, plan.seen
    path = plan.record.state / FOLDER / seen.workload.file_name
    write_sessions(target.workload, seen.workload.sessions, path)
    request = target.asking(
        model=seen.model, workload=path, study=plan.study, incumbent=target.request.incumbent
    )
    return replace(request, new_study=False)


@dataclass(frozen=True, slots=True)
class _Keeper:
    """Writes down what is begun and what has ended."""

    plans: Mapping[str, TargetPlan]

    def __call__(self, progress: Progress) -> None:
        plan = self.plans[progress.job]
        assert plan.seen is not None
        assert plan.study is not None
        print_ = of_kind(plan.seen.fingerprint)
        if isinstance(progress, Started):
            plan.record.begin(plan.study, print_)
        elif isinstance(progress, Ended) and _has_settled(progress.end):
            sessions = plan.seen.workload.sessions
            settled = Settled(fingerprint=print_, sessions=sessions, study=plan.study)
            plan.record.settle(settled)


def _has_settled(end: JobEnd) -> bool:
    return end.result is not None and end.exit_code in SETTLES
