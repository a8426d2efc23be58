"""After a crash or a reboot: what was under way is finished or undone, and hooks are paired.

Called first by everything that changes a target, under its lock. Without anything open it does
nothing that can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from autotune.nightly.hooks import HookRun
from autotune.nightly.journal import Line
from autotune.nightly.live import clear_leftovers, live_number
from autotune.nightly.pause import hook_runs, resume, settle_hooks
from autotune.nightly.site import Site
from autotune.nightly.swap import (
    ABANDONED,
    UNDO,
    Promoted,
    RolledBack,
    open_promotion,
    settle,
    undo,
)

WHY = "recovery"
REBOOTED = "the machine went down before it was proven"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done, in words; a promotion that was settled; hooks that ran. Empty for nothing."""

    said: tuple[str, ...] = ()
    promotion: Promoted | RolledBack | None = None
    hooks: tuple[HookRun, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.said)


def recover(site: Site) -> Recovered:
    """Settles whatever the journal of the target says is open.

    A swap that was made is finished: after hook, health check, and back where that fails. It is
    undone when the machine went down in it, for it may have been the reason. A swap that was not
    made is forgotten. Raises `MachineError` for a damaged journal and a disk that refuses.
    """
    site.generations.sweep()
    clear_leftovers(site.state)
    began = _last_number(site)
    settle_hooks(site)
    promotion = open_promotion(site)
    outcome = None if promotion is None else _settled(site, promotion)
    said = [] if promotion is None else [_told(promotion, outcome)]
    if (run := resume(site, WHY)) is not None:
        said.append("the after hook was run" if run.ok else str(run.problem))
    said += [f"{path} shows the live config again" for path in _put(site)]
    site.journal.compact()
    return Recovered(tuple(said), outcome, hook_runs(site.journal, began))


def _last_number(site: Site) -> int:
    return max((line.number for line in site.journal.lines()), default=0)


def _put(site: Site) -> list[str]:
    """The files where they are wanted, once anything is live."""
    if live_number(site.state) is None:
        return []
    return [str(path) for path in site.files.put()]


def _settled(site: Site, promotion: Line) -> Promoted | RolledBack | None:
    """``None`` for one that never got as far as the swap."""
    undone = site.journal.of(promotion, UNDO)
    if undone:
        return undo(site, promotion, str(undone[-1].get("reason")))
    if live_number(site.state) != promotion.get("to"):
        site.journal.end(promotion, outcome=ABANDONED, reason="it was cut short before the swap")
        return None
    if promotion.get("revert") and promotion.get("boot") != site.boot:
        return undo(site, promotion, REBOOTED)
    return settle(site, promotion)


def _told(promotion: Line, outcome: Promoted | RolledBack | None) -> str:
    to = promotion.get("to")
    if outcome is None:
        return f"generation {to} was not put in use: that was cut short"
    if isinstance(outcome, Promoted):
        return f"generation {to} is in use: what was cut short was finished"
    return f"generation {to} was taken back: {outcome.reason}"
