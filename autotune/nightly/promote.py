"""A staged generation put in use, and taken back by itself where it does not serve as exported."""

from __future__ import annotations

from contextlib import ExitStack

from autotune.errors import AutotuneError, MachineError
from autotune.nightly.generations import Generation
from autotune.nightly.pause import HookFailedError, ensure_paused, resume
from autotune.nightly.site import Site
from autotune.nightly.swap import (
    ABANDONED,
    Promoted,
    RolledBack,
    begin,
    go_live,
    open_promotion,
    settle,
    undo,
)

PROMOTION_WHY = "promotion"


def promote(
    staged: Generation, site: Site, why: str = PROMOTION_WHY, *, revert: bool = True
) -> Promoted | RolledBack:
    """Before hook (unless a pause is open), swap, after hook, health check; or all the way back.

    Without `revert` an unhealthy generation stays, and the result says what is wrong. When this
    returns or raises, no pause is open and every file in use is of one generation. Raises
    `MachineError` for a generation that is damaged, for a before hook that fails and for a disk
    that refuses, `UserError` where a file cannot go where it is wanted; nothing was changed then.
    ``RuntimeError`` where `recover` was not called first.
    """
    _check(staged, site)
    promotion = begin(site, staged, why, revert=revert)
    with ExitStack() as at_last:
        at_last.callback(resume, site, why)
        before = ensure_paused(site, why)
        if before is not None and before.problem is not None:
            site.journal.end(promotion, outcome=ABANDONED, reason=before.problem)
            log = site.state / "hooks" / "before.log"
            raise HookFailedError(before.problem, f"see {log}, and mend the command")
        try:
            go_live(site, promotion)
        except AutotuneError as error:
            return undo(site, promotion, error.message)
        return settle(site, promotion)


def _check(staged: Generation, site: Site) -> None:
    if open_promotion(site) is not None:
        raise RuntimeError("a promotion is open: recover first")
    if damage := staged.damage():
        raise MachineError(
            f"generation {staged.number} is not whole: {'; '.join(damage)}",
            "promote another one, or tune again",
        )
    site.files.check(staged.export_names)
