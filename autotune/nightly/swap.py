"""One change of the live generation, as steps of the journal: there, and back again.

A promotion is a step that begins before the swap and ends once it is settled: with the new
generation found healthy, or the old one live again. Everything in it may be done twice, so whoever
finds it open goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autotune.errors import AutotuneError
from autotune.nightly.generations import Generation
from autotune.nightly.health import Health
from autotune.nightly.journal import Line
from autotune.nightly.live import clear_live, live_number, point_live
from autotune.nightly.pause import ensure_paused, hook_runs, resume
from autotune.nightly.site import Site

PROMOTION, SWAP, SWAPPED, UNDO = "promotion", "swap", "swapped", "undo"

CONFIRMED, ROLLED_BACK, ABANDONED = "confirmed", "rolled-back", "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """`generation` is live, after `was`. `health` is ``None`` where nothing could be asked; it may
    have problems only where nothing was to be taken back."""

    generation: int
    was: int | None
    health: Health | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """`generation` did not stay, for `reason`; `live` is what is live again, ``None`` for nothing.

    `restored` is what the health check says of that; ``None`` where nothing was asked.
    """

    generation: int
    live: int | None
    reason: str
    restored: Health | None = None


def begin(site: Site, generation: Generation, why: str, *, revert: bool) -> Line:
    """Opens the step. With `revert` an unhealthy generation is taken back."""
    was = live_number(site.state)
    return site.journal.begin(
        PROMOTION, was=was, to=generation.number, why=why, revert=revert, boot=site.boot
    )


def open_promotion(site: Site) -> Line | None:
    """The promotion that was begun and is not settled."""
    return next((one for one in site.journal.open_steps() if one.kind == PROMOTION), None)


def go_live(site: Site, promotion: Line) -> None:
    """The swap, after which `settle` is to be called. Raises `MachineError`: nothing is swapped."""
    to = promotion.get("to")
    site.journal.append(SWAP, of=promotion.number, to=to)
    point_live(site.state, to)
    site.journal.append(SWAPPED, of=promotion.number, to=to)


def settle(site: Site, promotion: Line) -> Promoted | RolledBack:
    """After the swap: the after hook, the health check, and the end of the step, one way or other.

    What cannot be put in use is taken back where the step says so.
    """
    why = str(promotion.get("why"))
    try:
        site.files.put()
        resume(site, why)
        reason, health = _judged(site, promotion)
    except KeyboardInterrupt:
        if promotion.get("revert"):
            undo(site, promotion, "it was interrupted before it was proven", ask=False)
        raise
    except AutotuneError as error:
        reason, health = error.message, Health(problems=(error.message,))
    if reason is not None and promotion.get("revert"):
        return undo(site, promotion, reason)
    site.journal.end(promotion, outcome=CONFIRMED, health=None if health is None else health.text)
    return Promoted(generation=promotion.get("to"), was=promotion.get("was"), health=health)


def _judged(site: Site, promotion: Line) -> tuple[str | None, Health | None]:
    """Why it must not stay, and what the health check says."""
    if (problem := _after_problem(site, promotion)) is not None:
        return problem, Health(problems=(problem,))
    health = _asked(site, promotion, promotion.get("to"))
    return (None if health is None or health.healthy else health.text), health


def _asked(site: Site, promotion: Line, number: int) -> Health | None:
    """The health check of what went live last; ``None`` where nothing can be asked."""
    if site.health is None:
        return None
    try:
        return site.health(site.generations.read(number), swapped_at(site, promotion))
    except AutotuneError as error:
        return Health(problems=(error.message,))


def _after_problem(site: Site, promotion: Line) -> str | None:
    """What went wrong with the last hook of this promotion, where that was an after hook."""
    last = next(iter(hook_runs(site.journal, promotion.number)[::-1]), None)
    return last.problem if last is not None and last.name == "after" else None


def swapped_at(site: Site, promotion: Line) -> datetime | None:
    """When it went live; ``None`` where that was not written down any more."""
    notes = site.journal.of(promotion, SWAPPED)
    return notes[-1].at if notes else None


def undo(site: Site, promotion: Line, reason: str, *, ask: bool = True) -> RolledBack:
    """Back to what was live before, with the hooks around it, and the end of the step.

    A before hook that fails, or a file that cannot be written, is told and does not keep the rest
    from coming back.
    """
    if not site.journal.of(promotion, UNDO):
        site.journal.append(UNDO, of=promotion.number, reason=reason)
    problems = [reason]
    if not _is_back(site, promotion):
        before = ensure_paused(site, "rollback")
        problems += [before.problem] if before is not None and before.problem is not None else []
        _swap_back(site, promotion)
    problems += _files_back(site, promotion)
    restored = _restored(site, promotion, ask=ask)
    reason = "; then ".join(problems)
    site.journal.end(promotion, outcome=ROLLED_BACK, reason=reason)
    was = promotion.get("was")
    return RolledBack(generation=promotion.get("to"), live=was, reason=reason, restored=restored)


def _is_back(site: Site, promotion: Line) -> bool:
    """Whether the swap back was made already; the after hook may still be due."""
    notes = site.journal.of(promotion, SWAPPED)
    return bool(notes) and notes[-1].get("to") == promotion.get("was") != promotion.get("to")


def _swap_back(site: Site, promotion: Line) -> None:
    was = promotion.get("was")
    site.journal.append(SWAP, of=promotion.number, to=was)
    if was is None:
        clear_live(site.state)
    elif live_number(site.state) != was:
        point_live(site.state, was)
    site.journal.append(SWAPPED, of=promotion.number, to=was)


def _files_back(site: Site, promotion: Line) -> list[str]:
    """The files as they were, of a first promotion those of the person; what went wrong."""
    try:
        if promotion.get("was") is None:
            site.files.take_away()
        else:
            site.files.put()
    except AutotuneError as error:
        return [error.message]
    return []


def _restored(site: Site, promotion: Line, *, ask: bool) -> Health | None:
    """The after hook, and whether what was live before is healthy again."""
    run = resume(site, "rollback")
    if run is not None and run.problem is not None:
        return Health(problems=(run.problem,))
    was = promotion.get("was")
    return _asked(site, promotion, was) if ask and was is not None else None
