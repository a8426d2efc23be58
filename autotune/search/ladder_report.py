"""What a study's rungs cost and how far they could be trusted, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autotune.search.ladder import LEAST_GAIN, gain
from autotune.search.ledger import Ledger
from autotune.search.rung_looks import BEYOND, CHECKED, DROPPED, LOST, look_on
from autotune.search.rung_ranks import trust_in
from autotune.search.rungs import Rung

SAVES_LITTLE, MISLEADS, NOT_ASKED = "saves-little", "misleads", "not-asked"


def ladder_report(
    rungs: Sequence[Rung], ledger: Ledger, *, seed: int = 0
) -> tuple[dict[str, Any], ...]:
    """A row for each rung below the whole plan; none for a study without a ladder.

    ``seconds`` are engine-seconds beside the plan, ``share`` those over what all trials took;
    ``asked`` counts trials, ``ended`` those that the rung ended, ``checked`` those that it would
    have, ``beyond`` those on which it did not decide, as they may gain by what it does not show.
    ``tau``, ``low`` and ``high`` are Kendall's tau-b over ``configs`` that were measured on both,
    with its 95% interval; ``spread`` is the deviation of how wrong the rung is about two configs'
    difference, as a log-ratio. ``why_not`` says why the rung is not used, where it is not.
    """
    return tuple(_row(rung, ledger, seed) for rung in rungs if rung.share < 1.0)


def _row(rung: Rung, ledger: Ledger, seed: int) -> dict[str, Any]:
    looks = [look for e in ledger.measured if (look := look_on(e, rung.name)) is not None]
    verdicts = [look.verdict for look in looks]
    trust = trust_in(ledger, rung.name, seed=seed)
    seconds = sum(look.seconds for look in looks)
    return {
        "rung": rung.name,
        "turns": len(rung.plan.turns),
        "ahead": rung.ahead,
        "asked": len(looks),
        "ended": verdicts.count(DROPPED) + verdicts.count(LOST),
        "checked": verdicts.count(CHECKED),
        "beyond": verdicts.count(BEYOND),
        "seconds": seconds,
        "share": seconds / ledger.spent_s if ledger.spent_s else None,
        "configs": trust.agreement.n,
        "tau": trust.agreement.tau_b,
        "low": trust.agreement.low,
        "high": trust.agreement.high,
        "spread": trust.spread,
        "why_not": _why_not(rung, ledger, misleads=trust.misleads, asked=bool(looks)),
    }


def _why_not(rung: Rung, ledger: Ledger, *, misleads: bool, asked: bool) -> str | None:
    if misleads:
        return MISLEADS
    if rung.ahead and gain(rung, ledger) < LEAST_GAIN:
        return SAVES_LITTLE
    return None if asked else NOT_ASKED
