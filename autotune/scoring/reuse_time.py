"""Reuse in time: whether reported hits spare what computing those tokens would have cost.

An engine can report that most of a prompt was reused and still take as long as without: a hybrid
model whose attention blocks are found, while its recurrent state is read again from the start. So a
warm turn is held against the cold cost at its depth. Of the time that its reported hits should
save, this share was saved::

    saved = (cold - TTFT) / (cold - warm)

`cold` is the whole prompt by the cost of turns that did prefill a lot (or of a cold arm), `warm`
the same with the reported hits taken off. 1 is all, 0 nothing. The median over warm turns decides.

Why a quarter is called nothing: with 80% of a prompt reused and honest hits, `saved` comes out at
0.25 only if the cold cost was taken for a quarter of what it is (0.75 if for half); with hits that
save nothing it comes out at 0.25 if the cold cost was taken for 1.25 times what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autotune.records import TurnRecord
from autotune.scoring.quantile import median
from autotune.scoring.reuse_cost import COLD_SHARE, PrefillCost, cold_ones, fit_cost, prefills

SAVES_NOTHING = 0.25
"""Hits that save no more than this share of what they should save nothing."""

SAVES_LESS = 0.6
"""Below this share they save less than they say."""

MIN_TURNS = 3
MIN_SAVING_S = 0.01
"""Turns whose hits should save less than this say nothing."""


class InTime(StrEnum):
    """What reported hits are worth in time."""

    SAVE = "hits-save"
    LESS = "hits-save-less"
    NOTHING = "hits-save-nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReuse:
    """Hits in tokens beside hits in time. Absent is ``None``.

    Attributes:
        verdict: ``None`` where too few turns say anything; `reason` then says why.
        turns: warm turns that were looked at.
        cached_share: of their prompts, what was reported as reused.
        saved_share: of the time that this should save, what it saved; the median.
        lost_s: by how much these turns took longer than their hits promise, in all.
        cost: what a cold prompt costs, by TTFT.
    """

    verdict: InTime | None
    turns: int = 0
    cached_share: float | None = None
    saved_share: float | None = None
    lost_s: float = 0.0
    cost: PrefillCost | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told: dict[str, Any] = {"verdict": None if self.verdict is None else self.verdict.value}
        if self.verdict is None:
            return {**told, "reason": self.reason}
        return {
            **told,
            "turns": self.turns,
            "cached_share": _rounded(self.cached_share),
            "saved_share": _rounded(self.saved_share),
            "lost_s": round(self.lost_s, 3),
        }


def reuse_in_time(
    records: Iterable[TurnRecord], cold_records: Iterable[TurnRecord] = ()
) -> TimeReuse:
    """Hold warm turns against the cold cost; `cold_records` are of a cold arm, if there is one."""
    rows = prefills(records, by_ttft=True)
    cost = fit_cost(prefills(cold_records, by_ttft=True) or cold_ones(rows))
    if cost is None:
        return TimeReuse(verdict=None, reason="no turn was cold, so there is nothing to compare")
    warm = [r for r in rows if r.cached > COLD_SHARE * r.depth]
    shares, cached, lost_s = [], [], 0.0
    for row in warm:
        promised = cost.between_s(0, row.cached)
        if promised >= MIN_SAVING_S:
            shares.append((cost.turn_s(0, row.depth) - row.seconds) / promised)
            cached.append(row.cached / row.depth)
            lost_s += max(0.0, row.seconds - cost.turn_s(row.cached, row.depth))
    return _judged(shares, cached, lost_s, cost)


def _judged(
    shares: Sequence[float], cached: Sequence[float], lost_s: float, cost: PrefillCost
) -> TimeReuse:
    if len(shares) < MIN_TURNS:
        few = f"{len(shares)} turns reused most of their prompt, {MIN_TURNS} are needed"
        return TimeReuse(verdict=None, cost=cost, reason=few)
    saved = median(shares)
    verdict = (
        InTime.NOTHING if saved <= SAVES_NOTHING
        else InTime.LESS if saved <= SAVES_LESS
        else InTime.SAVE
    )  # fmt: skip
    return TimeReuse(
        verdict=verdict,
        turns=len(shares),
        cached_share=median(cached),
        saved_share=saved,
        lost_s=lost_s,
        cost=cost,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
