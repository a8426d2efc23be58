"""One verdict over several engines: which engine, with which settings, against what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autotune.errors import ExitCode
from autotune.records import TurnRecord
from autotune.scoring.interval import Comparison, compare
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.objective import Objective
from autotune.search.confirm import Confirmed
from autotune.search.contest.arms import BASE, ContestArm
from autotune.search.contest.finals import Proof
from autotune.search.judge import Judge
from autotune.search.queue import INCUMBENT

SETTINGS_SHOWN = 3
"""A sentence names so many settings; the rest are counted."""

OBJECTIVES = {"turn": "seconds per turn", "ttft": "TTFT", "decode": "decode rate"}


@dataclass(frozen=True, slots=True)
class Duel:
    """The best of another engine against the champion, on the same turns.

    `comparison` is that engine's time over the champion's: above 1 the champion is faster.
    """

    rival: ContestArm
    comparison: Comparison | None

    @property
    def told_apart(self) -> bool:
        """Whether the whole interval is on one side of 1."""
        c = self.comparison
        return (
            c is not None and c.low is not None and c.high is not None and (c.low > 1 or c.high < 1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a contest ended.

    `winner` beats the baseline with its whole interval; `shown` stands beside the baseline: the
    winner, or what came closest. `duels` are of the best of each other engine against the champion,
    which is the fastest of all; `tied` are engines that cannot be told from the champion's.
    """

    exit_code: ExitCode
    winner: ContestArm | None
    shown: ContestArm | None
    champion: ContestArm
    comparison: Comparison | None
    duels: tuple[Duel, ...]
    tied: tuple[str, ...]
    sentence: str


def reach_verdict(proof: Proof, judge: Judge, *, seed: int, held_out: bool) -> Verdict:
    """The verdict on what was confirmed; the baseline must have been measured.

    The winner is the arm that beat the baseline by most and does not lose to it in total waiting
    time. Where the fastest engine cannot be told from others, the one of them that was named first
    keeps its place: nobody should change engines for nothing.
    """
    confirmed, baseline = proof.confirmed, proof.baseline
    ratios = {arm.name: c.ratio for arm in proof.arms if (c := _against(confirmed, arm))}
    ratios[baseline.name] = 1.0
    ranked = sorted(
        (arm for arm in proof.arms if arm.name in ratios), key=lambda arm: -ratios[arm.name]
    )
    good = [arm for arm in ranked if _beats(_against(confirmed, arm))]
    champion = good[0] if good else ranked[0]
    rivals = _best_of_others(ranked, champion)
    duels = tuple(
        Duel(rival, compare_arms(confirmed, rival, champion, judge, seed, len(rivals)))
        for rival in rivals
    )
    tied = tuple(duel.rival.engine for duel in duels if not duel.told_apart)
    winner = _first_named(good, proof.arms, (champion.engine, *tied))
    others = [arm for arm in ranked if arm != baseline]
    shown = winner or (others[0] if others else None)
    comparison = None if shown is None else _against(confirmed, shown)
    sentence = _sentence(
        winner, shown, baseline, comparison, duels, tied, champion, _what(judge.objective, held_out)
    )
    return Verdict(
        exit_code=ExitCode.DONE if winner else ExitCode.NOTHING_BETTER,
        winner=winner,
        shown=shown,
        champion=champion,
        comparison=comparison,
        duels=duels,
        tied=tied,
        sentence=sentence,
    )


def _against(confirmed: Confirmed, arm: ContestArm) -> Comparison | None:
    return confirmed.comparisons.get(arm.name)


def _beats(comparison: Comparison | None) -> bool:
    return comparison is not None and comparison.wins and not comparison.loses_total_wait


def _best_of_others(ranked: Sequence[ContestArm], champion: ContestArm) -> list[ContestArm]:
    """The fastest arm of every engine but the champion's."""
    found: dict[str, ContestArm] = {}
    for arm in ranked:
        if arm.engine != champion.engine:
            found.setdefault(arm.engine, arm)
    return list(found.values())


def _first_named(
    good: Sequence[ContestArm], arms: Sequence[ContestArm], engines: Sequence[str]
) -> ContestArm | None:
    """The best of `good` of the first named of `engines` that has one."""
    for engine in dict.fromkeys(arm.engine for arm in arms):
        mine = [arm for arm in good if arm.engine == engine and engine in engines]
        if mine:
            return mine[0]
    return None


def compare_arms(
    confirmed: Confirmed,
    base: ContestArm,
    other: ContestArm,
    judge: Judge,
    seed: int,
    candidates: int = 1,
) -> Comparison | None:
    """`base` over `other` on the turns that both finished; ``None`` where that cannot be had.

    `candidates` is how many such comparisons are made, see `compare`.
    """
    try:
        return compare(
            _whole(confirmed, base),
            _whole(confirmed, other),
            keys=judge.at_depth,
            objective=judge.objective,
            seed=seed,
            candidates=candidates,
        )
    except NoMetricValue:
        return None


def _whole(confirmed: Confirmed, arm: ContestArm) -> list[TurnRecord]:
    """Records of blocks that every arm finished."""
    return [r for r in confirmed.records.get(arm.name, ()) if r.block < confirmed.blocks]


def _what(objective: Objective, held_out: bool) -> tuple[str, str]:
    where = "held-out sessions" if held_out else "the searched sessions"
    return OBJECTIVES[objective.value], where


def _sentence(
    winner: ContestArm | None,
    shown: ContestArm | None,
    baseline: ContestArm,
    comparison: Comparison | None,
    duels: Sequence[Duel],
    tied: Sequence[str],
    champion: ContestArm,
    what: tuple[str, str],
) -> str:
    """What was found, against what, by how much, how sure that is, and of the engines."""
    base = words(baseline)
    if shown is None or comparison is None:
        first = f"Nothing beats {base}: nothing else was left to be confirmed."
    else:
        speed = f"{comparison.ratio:.2f}x its speed in {what[0]} ({span(comparison)}, on {what[1]})"
        first = (
            f"No engine and no config beats {base}: the closest, {words(shown)}, has {speed}."
            if winner is None
            else f"{words(winner)} beats {base}: {speed}."
        )
    return " ".join([first, *_engines(winner or champion, duels, tied, champion)])


def _engines(
    chosen: ContestArm, duels: Sequence[Duel], tied: Sequence[str], champion: ContestArm
) -> list[str]:
    """What is known of the other engines at their best."""
    told = []
    if tied:
        names = " and ".join(dict.fromkeys(sorted([champion.engine, *tied])))
        why = f" {chosen.engine} was named first." if chosen.engine != champion.engine else ""
        told.append(f"{names} cannot be told apart at their best{_gap(duels, tied)}.{why}")
    told += [
        f"{champion.engine} is {duel.comparison.ratio:.2f}x as fast as {duel.rival.engine}, each "
        f"at its best ({span(duel.comparison)})."
        for duel in duels
        if duel.told_apart and duel.comparison is not None
    ]
    return told


def _gap(duels: Sequence[Duel], tied: Sequence[str]) -> str:
    """By how much the champion seemed faster than the first engine that is tied with it."""
    duel = next(d for d in duels if d.rival.engine == tied[0])
    if duel.comparison is None:
        return " (they could not be compared)"
    return f" ({duel.comparison.ratio:.2f}x, {span(duel.comparison)})"


def span(comparison: Comparison) -> str:
    """The interval in words."""
    if comparison.low is None or comparison.high is None:
        return f"{comparison.level} interval unknown"
    return f"{comparison.level} interval {comparison.low:.2f} to {comparison.high:.2f}"


def words(arm: ContestArm) -> str:
    """An arm as a sentence names it: engine, settings, trial."""
    if arm.role == INCUMBENT:
        return f"the incumbent of {arm.engine}"
    if arm.role == BASE or not arm.entry.changes:
        return f"{arm.engine} with its defaults"
    return f"{arm.engine} with {_settings(arm.entry.changes)} (trial {arm.entry.number})"


def _settings(changes: Mapping[str, object]) -> str:
    shown = [f"{name}={_value(value)}" for name, value in list(changes.items())[:SETTINGS_SHOWN]]
    more = len(changes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "left out" if value is None else str(value)
