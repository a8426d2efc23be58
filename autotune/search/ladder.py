"""Which rungs a study uses, decided anew before each trial by what its trials showed.

A rung ahead of the plan must save more than it costs. What it costs is measured with the default;
what it saves is the part of the plan that it spares those whom it drops. Where a launch takes
longer than the turns, or the plan is short, it saves too little, and is not used. A rung whose
order of the configs is not the plan's is not used either: then the next one decides, which has more
turns. All of it follows from the ledger, so a study that goes on decides as it would have decided.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from autotune.search.ledger import COMPLETE, STOPPED, Entry, Ledger
from autotune.search.planned import AGAIN, DEFAULT
from autotune.search.rung_looks import DROPPED, LOST, RungLook, look_on
from autotune.search.rung_ranks import misleads
from autotune.search.rungs import Rung

DROP_SHARE = 0.5
"""Of the candidates: how many a rung drops, before it is known."""

REACH = 0.6
"""Of the plan: how far the race lets one of those go that would have been dropped, likewise."""

SUPPOSED = 4.0
"""Trials that both of these count for."""

LEAST_GAIN = 0.05
"""Of what a trial costs that is dropped by nothing but the race: a rung that saves less is not
worth what it may be wrong about."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of a study under its plan, cheapest first (`rungs.rungs_of`)."""

    rungs: tuple[Rung, ...] = ()

    def ahead(self, ledger: Ledger) -> Rung | None:
        """The rung that the next trial is asked ahead of the plan; ``None`` for none."""
        return next((r for r in self.rungs if r.ahead and is_used(r, ledger)), None)

    def within(self, ledger: Ledger) -> Rung | None:
        """The beginning of the plan at whose end the next trial may be left; ``None`` for none."""
        rungs = (r for r in self.rungs if not r.ahead and r.share < 1.0)
        return next((r for r in rungs if _is_fit(r, ledger)), None)


def is_used(rung: Rung, ledger: Ledger) -> bool:
    """Whether `rung` pays, can be compared on, and orders configs as the plan does."""
    return gain(rung, ledger) >= LEAST_GAIN and _is_fit(rung, ledger)


def _is_fit(rung: Rung, ledger: Ledger) -> bool:
    return is_known_of_best(rung, ledger) and not misleads(ledger, rung.name)


def is_known_of_best(rung: Rung, ledger: Ledger) -> bool:
    """Whether the latest look at the best one has turns on `rung`, or there is no best yet."""
    best = ledger.best
    return best is None or look_on(ledger.looks(best.key)[-1], rung.name) is not None


def gain(rung: Rung, ledger: Ledger) -> float:
    """What `rung` saves of a trial's cost, on average over all trials; negative where it costs.

    Before the default was measured, its cost is known by tokens alone, and a launch is free.
    """
    base = ledger.baseline
    look = None if base is None else look_on(base, rung.name)
    plan_s = None if base is None else base.metrics.get("total_wait_s")
    if base is None or look is None or not plan_s:
        return _saved(rung.share, 1.0, DROP_SHARE, REACH)
    launch_s = max(0.0, base.seconds - plan_s - look.seconds)
    cost_s = statistics.median(each.seconds for each in _looks(ledger, rung.name))
    shares = drop_share(ledger, rung.name), reach(ledger)
    return _saved(cost_s, plan_s, *shares, launch_s=launch_s)


def _saved(
    cost: float, plan: float, dropped: float, reached: float, launch_s: float = 0.0
) -> float:
    return (dropped * reached * plan - cost) / (launch_s + reached * plan)


def drop_share(ledger: Ledger, rung: str) -> float:
    """The share of the candidates that `rung` ended, by those whom it decided on."""
    verdicts = [look.verdict for look in _looks(ledger, rung)]
    ended = sum(verdict in (DROPPED, LOST) for verdict in verdicts)
    decided = len(verdicts) - verdicts.count("free")
    return (SUPPOSED * DROP_SHARE + ended) / (SUPPOSED + decided)


def reach(ledger: Ledger) -> float:
    """How far into the plan a trial gets that no rung ahead of it ended; those that are measured
    whole by intent left out."""
    shares = [entry.reached for entry in ledger.measured if _went_on(entry)]
    return (SUPPOSED * REACH + sum(shares)) / (SUPPOSED + len(shares))


def _went_on(entry: Entry) -> bool:
    if entry.label == DEFAULT or entry.label.startswith(AGAIN):
        return False
    ended = any(data["verdict"] in (DROPPED, LOST) and data["seconds"] for data in entry.rungs)
    return entry.outcome in (COMPLETE, STOPPED) and not ended


def _looks(ledger: Ledger, rung: str) -> list[RungLook]:
    return list(_all_looks(ledger, rung))


def _all_looks(ledger: Ledger, rung: str) -> Iterator[RungLook]:
    for entry in ledger.measured:
        if (look := look_on(entry, rung)) is not None:
            yield look
