"""What a run of a fleet would do on this host, target by target. Starts nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from autotune.errors import AutotuneError, UserError
from autotune.fleet.record import Record, of_kind
from autotune.fleet.whereabouts import Whereabouts, whereabouts
from autotune.hardware.gpu import GpuProbe
from autotune.nightly.changes import changes
from autotune.nightly.fingerprint import Caches, Fingerprint, Seen, look_at
from autotune.nightly.settled import Settled
from autotune.nightly.targets import Target


class Standing(StrEnum):
    """How a target stands."""

    NOT_HERE = "not here"
    """Its GPU is not on this host."""

    BROKEN = "cannot be tuned"
    NEW = "not tuned yet"
    CHANGED = "changed"
    UNFINISHED = "unfinished"
    DONE = "done"
    """It was tuned, and nothing has changed since."""


RUNS = frozenset({Standing.NEW, Standing.CHANGED, Standing.UNFINISHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPlan:
    """One target on this host.

    `study` is the one that is gone on with, that was finished, or that a run would begin; ``None``
    where there is none. `reasons` say why it stands so. `error` is set where it cannot be tuned.
    """

    target: Target
    where: Whereabouts
    standing: Standing
    reasons: tuple[str, ...] = ()
    study: str | None = None
    seen: Seen | None = None
    error: AutotuneError | None = None

    @property
    def runs(self) -> bool:
        """Whether a run would measure it."""
        return self.standing in RUNS

    @property
    def gpu_name(self) -> str:
        """The kind of GPU: as its driver names it, or as it is asked for where it is not here."""
        if self.where.gpus:
            return self.where.gpus[0].name
        return "processor" if self.where.on_cpu else self.target.request.gpu

    @property
    def record(self) -> Record:
        """What is kept of it."""
        return record_of(self.target)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "target": self.target.name,
            "gpu": self.gpu_name,
            "cards": list(self.where.seats),
            "standing": self.standing.value,
            "runs": self.runs,
            "reasons": list(self.reasons),
            "study": self.study,
            "model": str(self.target.model),
            "workload": str(self.target.workload),
            "budget_s": self.target.budget_s if self.runs else None,
        }


def record_of(target: Target) -> Record:
    """What is kept of a target."""
    return Record(target.request.studies_dir, target.name)


def plan_fleet(
    targets: Iterable[Target], probe: GpuProbe, caches: Caches, *, force: bool = False
) -> tuple[TargetPlan, ...]:
    """The plans of `targets` in their order; with `force` what is done is done anew.

    What is wrong with one target is its standing, and keeps no other from being tuned.
    """
    gpus = probe.gpus()
    return tuple(
        _planned(target, whereabouts(target.request.gpu, gpus), probe, caches, force)
        for target in targets
    )


def _planned(
    target: Target, where: Whereabouts, probe: GpuProbe, caches: Caches, force: bool
) -> TargetPlan:
    try:
        if where.missing is not None:
            return _not_here(target, where)
        return _here(target, where, probe, caches, force)
    except AutotuneError as error:
        reasons = (error.message,)
        return TargetPlan(
            target=target, where=where, standing=Standing.BROKEN, reasons=reasons, error=error
        )


def _not_here(target: Target, where: Whereabouts) -> TargetPlan:
    settled = record_of(target).settled()
    return TargetPlan(
        target=target,
        where=where,
        standing=Standing.NOT_HERE,
        reasons=(where.missing or "",),
        study=None if settled is None else settled.study,
    )


def _here(
    target: Target, where: Whereabouts, probe: GpuProbe, caches: Caches, force: bool
) -> TargetPlan:
    record = record_of(target)
    settled = record.settled()
    kept = None if settled is None else settled.sessions
    on_card = replace(target, request=replace(target.request, gpu=where.seats[0]))
    seen = look_at(on_card, probe, caches, kept=kept)
    print_ = of_kind(seen.fingerprint)
    standing, reasons, study = _standing(record, settled, print_, force)
    return TargetPlan(
        target=target, where=where, standing=standing, reasons=reasons, study=study, seen=seen
    )


def _standing(
    record: Record, settled: Settled | None, now: Fingerprint, force: bool
) -> tuple[Standing, tuple[str, ...], str]:
    """How a target stands that can be tuned here, why, and which study that is about."""
    unfinished = record.unfinished(now)
    if unfinished is not None:
        return Standing.UNFINISHED, (f"{unfinished} was begun and is gone on with",), unfinished
    if settled is None:
        return Standing.NEW, (), record.new_study()
    found = changes(settled.fingerprint, now)
    if found:
        return Standing.CHANGED, tuple(one.sentence for one in found), record.new_study()
    if record.summary() is None:
        return Standing.CHANGED, (f"its study {settled.study} is gone",), record.new_study()
    if force:
        return Standing.CHANGED, ("it was asked for",), record.new_study()
    return Standing.DONE, ("nothing changed since it was tuned",), settled.study


def demand_some(plans: Iterable[TargetPlan], host: str) -> None:
    """Raise `UserError` where no target of a fleet belongs to this host."""
    found = list(plans)
    if all(plan.standing is Standing.NOT_HERE for plan in found):
        asked = ", ".join(dict.fromkeys(plan.target.request.gpu for plan in found))
        raise UserError(
            f"none of the fleet's GPUs ({asked}) is on {host}",
            "run it on a host that has them: autotune fleet plan FILE says which are here",
        )
