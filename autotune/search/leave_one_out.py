"""The runs that tell what each change is worth: a config against itself without it, in turns.

Arms are the config, the config without all changes that may be needless, and the config without
each change. They are interleaved in blocks that turn around, as in a confirmation, on the searched
plan where there is time for all of it, else on how it begins. Where a change decides how much
caches hold, that shows in the whole plan alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.candidate import Candidate
from autotune.scoring.interval import Floor, compare
from autotune.scoring.metrics import NoMetricValue
from autotune.search.change_groups import Group, groups_of, without_all
from autotune.search.confirm import Arm, Confirmed
from autotune.search.effects import Basis, Effect, Effects, of_comparison
from autotune.search.judge import Judge
from autotune.search.ledger import Entry, arm_name
from autotune.search.needless import Bar
from autotune.search.pressure import changes_capacity
from autotune.search.space import Space, to_settings

STAGE = "effects"
"""How the round is called, and how its arms begin."""

BLOCKS, LEAST_BLOCKS = 3, 2
"""Three blocks where there is time: Student's t for two is three times as wide."""

LEAST_LAUNCHES = 2 * LEAST_BLOCKS
"""The config and one other, twice each: less tells nothing."""

Together = tuple[tuple[Group, ...], Effect]


@dataclass(frozen=True, slots=True)
class Lot:
    """What a round measures: each of `alone` by itself, and all of `together` at once (none where
    that is empty), in `blocks` blocks, on all of the plan where `whole`. By the groups' names."""

    alone: tuple[str, ...]
    together: tuple[str, ...]
    blocks: int
    whole: bool

    @property
    def others(self) -> int:
        """Arms beside the config itself."""
        return len(self.alone) + bool(self.together)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "alone": list(self.alone),
            "together": list(self.together),
            "blocks": self.blocks,
            "whole": self.whole,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Lot:
        """Back from `to_json`."""
        return cls(
            tuple(data["alone"]), tuple(data["together"]), int(data["blocks"]), bool(data["whole"])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Seconds: what there is (``None`` for no limit), what one launch on the short plan and on the
    whole one takes."""

    left_s: float | None
    short_s: float
    whole_s: float

    def launches(self, *, whole: bool) -> int | None:
        """How many launches there is time for; ``None`` for as many as are wanted."""
        each = self.whole_s if whole else self.short_s
        return None if self.left_s is None or each <= 0 else int(max(0.0, self.left_s) / each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Decides what a round measures."""

    space: Space
    entry: Entry
    groups: Sequence[Group]
    bar: Bar
    known: Effects
    guess: Effects = field(default_factory=dict)

    def lot(self, costs: Costs) -> Lot | None:
        """The lot that `costs` has time for; ``None`` where it holds no two arms, or nothing is
        left to be told.

        The changes that are likeliest to do nothing come first. On the whole plan where there is
        time for all of them; where it is too dear, those that only it can tell of are left out.
        """
        wanted, launches = self._wanted(self.groups), costs.launches(whole=True)
        found = self._fitted(self.groups, launches, whole=True)
        beyond = any(self._is_beyond(g) for g in (*wanted, *self._suspects(self.groups)))
        if found is not None and (beyond or self._is_all(found, len(wanted))):
            return found
        near = [g for g in self.groups if not self._is_beyond(g)]
        return self._fitted(near, costs.launches(whole=False), whole=False)

    def _fitted(self, groups: Sequence[Group], launches: int | None, *, whole: bool) -> Lot | None:
        wanted, suspects = self._wanted(groups), self._suspects(groups)
        if not wanted:
            return None
        together = tuple(g.name for g in self._at_once(suspects))
        if launches is not None and launches < LEAST_LAUNCHES:
            return None
        blocks = BLOCKS if launches is None or launches >= 2 * BLOCKS else LEAST_BLOCKS
        room = len(wanted) + 1 if launches is None else launches // blocks - 1
        alone = tuple(g.name for g in wanted[: room - bool(together)])
        return Lot(alone, together, blocks, whole)

    def _is_all(self, lot: Lot, wanted: int) -> bool:
        """Whether nothing is left out of it for want of time."""
        return lot.blocks == BLOCKS and len(lot.alone) == wanted

    def _at_once(self, suspects: Sequence[Group]) -> list[Group]:
        """Those that are left out together. Without all changes it would be the default, and that
        is measured: then the one that is likeliest to help stays."""
        if len(suspects) == len(groups_of(self.space, self.entry.values)):
            most = max(suspects, key=self._expected)
            suspects = [g for g in suspects if g is not most]
        return list(suspects) if len(suspects) > 1 else []

    def _wanted(self, groups: Sequence[Group]) -> list[Group]:
        """Those of which too little is known: suspects first, and then what is only guessed."""
        open_ = [g for g in groups if self._is_open(g)]
        return sorted(open_, key=lambda g: (not self._is_suspect(g), self._expected(g)))

    def _is_open(self, group: Group) -> bool:
        effect = self.known.get(group.name)
        return effect is None or (self.bar.is_suspect(effect) and not self.bar.is_needless(effect))

    def _suspects(self, groups: Sequence[Group]) -> list[Group]:
        return [g for g in groups if self._is_suspect(g)]

    def _is_suspect(self, group: Group) -> bool:
        return self.bar.is_suspect(self.known.get(group.name) or self.guess.get(group.name))

    def _expected(self, group: Group) -> float:
        effect = self.known.get(group.name) or self.guess.get(group.name)
        return 1.0 if effect is None or effect.ratio is None else effect.ratio

    def _is_beyond(self, group: Group) -> bool:
        settings = to_settings(self.space, group.without)
        return changes_capacity(self.space, settings, self.entry.settings)


def arms_of(
    space: Space, entry: Entry, groups: Sequence[Group], lot: Lot
) -> tuple[list[Arm], dict[str, tuple[Group, ...]]]:
    """The config's arm, then one for each thing that is left out; and what each of those lacks."""
    by_name = {g.name: g for g in groups}
    lacks: dict[str, tuple[Group, ...]] = {}
    if lot.together:
        lacks[f"without-{len(lot.together)}"] = tuple(by_name[n] for n in lot.together)
    for name in lot.alone:
        lacks["without-" + by_name[name].names[0]] = (by_name[name],)
    arms = [Arm(arm_name(entry.number), Candidate(entry.settings), entry.number)]
    for arm, left_out in lacks.items():
        values = without_all(space, entry.values, left_out)
        arms.append(Arm(arm, Candidate(to_settings(space, values)), None))
    return arms, lacks


def effects_of(
    confirmed: Confirmed,
    base: str,
    lacks: Mapping[str, tuple[Group, ...]],
    judge: Judge,
    floor: Floor,
    seed: int = 0,
) -> tuple[dict[str, Effect], Together | None]:
    """What the round showed: each change alone by its name, and all suspects together.

    `floor` widens what one block alone, or blocks that others disturbed, would make too sure.
    """
    told = floor if confirmed.blocks == 1 or confirmed.disturbed else None
    found: dict[str, Effect] = {}
    together: Together | None = None
    for arm, left_out in lacks.items():
        effect = _effect(confirmed, base, arm, left_out, judge, told, seed)
        if effect is None:
            continue
        if len(left_out) > 1:
            together = left_out, effect
        else:
            found[left_out[0].name] = effect
    return found, together


def _effect(
    confirmed: Confirmed,
    base: str,
    arm: str,
    left_out: Sequence[Group],
    judge: Judge,
    floor: Floor | None,
    seed: int,
) -> Effect | None:
    if arm in confirmed.failed:
        return Effect(group=left_out[0], basis=Basis.FAILED, failure=confirmed.failed[arm])
    rows = {
        name: [r for r in confirmed.records.get(name, ()) if r.block < confirmed.blocks]
        for name in (arm, base)
    }
    try:
        comparison = compare(
            rows[arm],
            rows[base],
            objective=judge.objective,
            keys=judge.at_depth,
            seed=seed,
            floor=floor,
        )
    except NoMetricValue:
        return None
    return of_comparison(left_out[0], comparison, Basis.RUNS)
