"""A sample of many sessions that stands for the whole: stratified, nested, the same for a seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from autotune.workload.depth import DepthBuckets
from autotune.workload.families import family_roots
from autotune.workload.summary import SessionSummary

MOST_TOGETHER = 4
"""Families at most in one unit: agents that took turns are drawn together, a whole day is not."""

LEAST_UNITS = 4
"""A search and a confirmation on other sessions need two each."""

Stratum = tuple[int, int, bool]
"""Bucket of the deepest turn, tercile of growth, whether sessions took turns."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Sessions that are drawn together: a family of sub-agents, or families that took turns."""

    sessions: tuple[SessionSummary, ...]
    interleaved: bool

    @property
    def turns(self) -> int:
        """Turns of all its sessions."""
        return sum(s.turns for s in self.sessions)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its sessions."""
        return tuple(s.session_id for s in self.sessions)


def sampling_order(sessions: Sequence[SessionSummary], seed: int) -> tuple[Unit, ...]:
    """Every unit, in the order in which a sample takes them.

    A smaller sample is the beginning of a larger one. Strata are filled in proportion to their
    turns: the next unit is of the stratum that is furthest below its share; within one, the seed
    decides.
    """
    units = make_units(sessions)
    by_stratum = _strata(units)
    rng = random.Random(seed)
    for members in by_stratum.values():
        rng.shuffle(members)
    wanted = {stratum: sum(u.turns for u in us) for stratum, us in by_stratum.items()}
    taken = dict.fromkeys(by_stratum, 0)
    order = []
    while any(by_stratum.values()):
        left = [stratum for stratum, members in by_stratum.items() if members]
        # The greatest share first among those that have nothing: small strata must wait.
        chosen = min(left, key=lambda s: ((taken[s] + 1) / wanted[s], s))
        unit = by_stratum[chosen].pop()
        taken[chosen] += unit.turns
        order.append(unit)
    return tuple(order)


def make_units(sessions: Sequence[SessionSummary]) -> list[Unit]:
    """Families, and families that took turns put together, in the order of the sessions."""
    families = _families(sessions)
    units: list[Unit] = []
    open_unit: list[tuple[SessionSummary, ...]] = []
    for family in sorted(families, key=_starts):
        if open_unit and len(open_unit) < MOST_TOGETHER and _take_turns(open_unit[-1], family):
            open_unit.append(family)
            continue
        units += _closed(open_unit)
        open_unit = [family]
    return [*units, *_closed(open_unit)]


def _closed(families: Sequence[tuple[SessionSummary, ...]]) -> list[Unit]:
    if not families:
        return []
    members = tuple(session for family in families for session in family)
    return [Unit(members, interleaved=len(members) > 1)]


def _families(sessions: Sequence[SessionSummary]) -> list[tuple[SessionSummary, ...]]:
    """Sessions with their sub-agents, however deep."""
    roots = family_roots({s.session_id: s.parent for s in sessions})
    grouped: dict[str, list[SessionSummary]] = defaultdict(list)
    for session in sessions:
        grouped[roots[session.session_id]].append(session)
    return [tuple(members) for members in grouped.values()]


def _starts(family: Sequence[SessionSummary]) -> tuple[float, str]:
    """When a family began; those without times last."""
    times = [s.times_ms[0] for s in family if s.times_ms]
    return (min(times, default=float("inf")), family[0].session_id)


def _take_turns(one: Sequence[SessionSummary], other: Sequence[SessionSummary]) -> bool:
    """Whether a turn of `other` stands between two of `one`, or the other way round."""
    first, second = _times(one), _times(other)
    if not first or not second:
        return False
    marked = sorted([(at, 0) for at in first] + [(at, 1) for at in second])
    changes = sum(a[1] != b[1] for a, b in pairwise(marked))
    return changes >= 2


def _times(family: Sequence[SessionSummary]) -> list[float]:
    return [at for session in family for at in session.times_ms]


def _strata(units: Sequence[Unit]) -> dict[Stratum, list[Unit]]:
    low, high = _terciles([_growth(u) for u in units])
    buckets = DepthBuckets()
    found: dict[Stratum, list[Unit]] = defaultdict(list)
    for unit in units:
        deepest = buckets.index(max(s.max_depth for s in unit.sessions))
        growth = _growth(unit)
        found[deepest, (growth > low) + (growth > high), unit.interleaved].append(unit)
    return dict(sorted(found.items()))


def _growth(unit: Unit) -> float:
    return float(median(s.growth_p50 for s in unit.sessions))


def _terciles(values: Sequence[float]) -> tuple[float, float]:
    ranked = sorted(values)
    return ranked[len(ranked) // 3], ranked[2 * len(ranked) // 3]


@dataclass(frozen=True, slots=True)
class Likeness:
    """One figure of the whole beside the same of the sample. Absent is ``None``."""

    name: str
    whole: float | None
    sample: float | None


def likeness(
    whole: Sequence[SessionSummary], sample: Sequence[SessionSummary]
) -> tuple[Likeness, ...]:
    """How well `sample` stands for `whole`: shares of turns by depth, growth, replies, reuse."""
    labels = DepthBuckets().labels
    both = (whole, sample)
    rows = [
        Likeness(f"turns {label}", *(_bucket_share(group, at) for group in both))
        for at, label in enumerate(labels)
    ]
    rows = [row for row in rows if row.whole or row.sample]
    rows.append(Likeness("growth p50, tokens", *(_middle(g, "growths") for g in both)))
    rows.append(Likeness("reply p50, tokens", *(_middle(g, "replies") for g in both)))
    rows.append(Likeness("reusable share", *(_reusable(group) for group in both)))
    rows.append(Likeness("turns interleaved", *(_interleaved(group) for group in both)))
    return tuple(rows)


def _bucket_share(sessions: Sequence[SessionSummary], bucket: int) -> float | None:
    turns = sum(s.turns for s in sessions)
    return sum(s.bucket_turns[bucket] for s in sessions) / turns if turns else None


def _middle(sessions: Sequence[SessionSummary], name: str) -> float | None:
    values = [value for s in sessions for value in getattr(s, name)]
    return float(median(values)) if values else None


def _reusable(sessions: Sequence[SessionSummary]) -> float | None:
    prompt = sum(s.prompt_tokens for s in sessions)
    return 1 - sum(s.new_tokens for s in sessions) / prompt if prompt else None


def _interleaved(sessions: Sequence[SessionSummary]) -> float | None:
    units = make_units(sessions)
    turns = sum(u.turns for u in units)
    return sum(u.turns for u in units if u.interleaved) / turns if turns else None


def take(order: Sequence[Unit], seconds: Mapping[str, float], limit_s: float) -> tuple[Unit, ...]:
    """The beginning of `order` that `limit_s` seconds of replay hold; at least `LEAST_UNITS`.

    `seconds` is what each session costs to replay once.
    """
    taken: list[Unit] = []
    spent_s = 0.0
    for unit in order:
        spent_s += sum(seconds[session_id] for session_id in unit.ids)
        if len(taken) >= LEAST_UNITS and spent_s > limit_s:
            break
        taken.append(unit)
    return tuple(taken)
