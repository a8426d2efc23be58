"""Between the search and the confirmation: what each change of the finalist is worth, and the
smallest change that keeps the gain.

It comes before the confirmation, so that what is confirmed, filled and exported is the smaller
config itself. That one is a trial like any other: measured on the whole searched plan, behind the
quality guard, with a number of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.candidate import Candidate
from autotune.replay.plan import ReplayPlan
from autotune.scoring.noise import NoiseFloor
from autotune.search.additive import fit_known
from autotune.search.change_groups import Group, groups_of, without_all
from autotune.search.confirm import Confirmation
from autotune.search.effects import Effect, Effects, Searched, guessed, ordered
from autotune.search.effects_book import EffectRow, find_row, note_row
from autotune.search.events import Summary
from autotune.search.leave_one_out import Costs, Lot, Planner, Together, arms_of, effects_of
from autotune.search.ledger import Entry, arm_name
from autotune.search.needless import Bar, droppable, gain_of
from autotune.search.planned import FEWER, Planned
from autotune.search.search import Search
from autotune.search.space import to_settings
from autotune.study.folder import StudyFolder

NO_TIME = (
    "what each change is worth was not measured: there was too little time for it "
    "(a larger --budget, or --no-effects to keep none back)"
)
"""Said where the share of the budget holds no round."""


NO_TIME_TO_DROP = "some of the changes may do nothing: no time was left for a trial without them"

NOTHING = Lot((), (), 0, whole=False)
"""What is measured where the trials of the search say enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simplified:
    """What came of it. `entry` is what is confirmed: the `finalist`, or the smaller config.

    `effects` are of all the finalist's changes; `dropped` are those that `entry` does without.
    """

    finalist: Entry
    entry: Entry
    effects: tuple[Effect, ...] = ()
    dropped: tuple[Group, ...] = ()
    note: str | None = None

    def told(self, summary: Summary) -> Summary:
        """`summary` with it, where its winner is one of the two."""
        if summary.winner not in (self.finalist.number, self.entry.number):
            return summary
        dropped = self.dropped if summary.winner == self.entry.number else ()
        gone = {group.name for group in dropped}
        kept = [e.to_json() for e in self.effects if e.group.name not in gone]
        notes = (*summary.notes, self.note) if self.note else summary.notes
        return replace(
            summary,
            effects=tuple(kept),
            needless=tuple(group.to_json() for group in dropped),
            notes=notes,
        )


def told_by_search(
    search: Search, entry: Entry, groups: Sequence[Group], floor: NoiseFloor
) -> tuple[dict[str, Effect], dict[str, Effect]]:
    """What the search says of each change without another launch: by its trials, and guessed."""
    seen = Searched(
        space=search.space,
        ledger=search.ledger,
        find=search.known_as,
        judge=search.judge,
        read_turns=search.read_turns,
        floor=floor.half_widths,
        seed=search.seed,
    ).effects(entry, groups)
    return seen, guessed(fit_known(search.known()), entry, groups)


def told_effects(search: Search, entry: Entry, floor: NoiseFloor) -> tuple[dict[str, Any], ...]:
    """The same as plain data, an effect for each change of `entry`."""
    groups = groups_of(search.space, entry.values)
    return tuple(
        e.to_json() for e in ordered(groups, *told_by_search(search, entry, groups, floor))
    )


MakeRound = Callable[[ReplayPlan, str, str, int], Confirmation]
"""A round by its plan, its arms' baseline, the stem of its name, and its blocks at most."""


@dataclass(slots=True, kw_only=True)
class Simplifier:
    """Runs the stage for one study.

    `searched` is how many trials the search had when it ended, `short_plan` how its plan begins.
    `costs` says what there is time for, what measuring the smaller config takes kept back.
    Without `measures` nothing is launched, and no change is dropped.
    """

    search: Search
    folder: StudyFolder
    searched: int
    short_plan: ReplayPlan
    make_round: MakeRound
    costs: Callable[[], Costs]
    has_time_for_trial: Callable[[], bool]
    floor: NoiseFloor
    floor_width: float
    measures: bool = True
    found: dict[int, Simplified] = field(default_factory=dict)

    def run(self, entry: Entry) -> Simplified:
        """What is to be confirmed in place of `entry`; the same again for the same entry."""
        if entry.number not in self.found:
            self.found[entry.number] = self._run(entry)
        return self.found[entry.number]

    def told(self, summary: Summary) -> Summary:
        """`summary` with what is known of its winner's changes."""
        for simplified in self.found.values():
            if (said := simplified.told(summary)) is not summary:
                return said
        return summary

    def _run(self, entry: Entry) -> Simplified:
        groups = groups_of(self.search.space, entry.values)
        if not groups:
            return Simplified(finalist=entry, entry=entry)
        plan = self.search.plan.digest
        row = find_row(self.folder, groups, entry.key, self.searched, plan)
        if row is not None and row.done:
            return self._restored(entry, groups, row)
        known, guess = told_by_search(self.search, entry, groups, self.floor)
        bar = Bar.of(gain_of(entry, self.search.ledger.baseline), self.floor_width)
        lot = row.lot if row is not None else self._lot(entry, groups, bar, known, guess)
        if not self.measures or (lot is None and not droppable(groups, known, None, bar)):
            return self._unmeasured(entry, ordered(groups, known, guess), bar)
        begun = EffectRow(key=entry.key, searched=self.searched, plan=plan, lot=lot or NOTHING)
        note_row(self.folder, begun)
        measured, together = self._measured(entry, groups, begun.lot)
        if self.search.stop.is_set():
            return Simplified(finalist=entry, entry=entry)
        effects = {**known, **measured}
        dropped = droppable(groups, effects, together, bar)
        return self._ended(begun, entry, ordered(groups, effects, guess), dropped, bar)

    def _lot(
        self, entry: Entry, groups: Sequence[Group], bar: Bar, known: Effects, guess: Effects
    ) -> Lot | None:
        if not self.measures or bar.loss <= 0.0:
            return None
        refused = self.search.feasibility.refusal
        can = [g for g in groups if refused(Candidate(self._settings(g.without))) is None]
        planner = Planner(
            space=self.search.space, entry=entry, groups=can, bar=bar, known=known, guess=guess
        )
        return planner.lot(self.costs())

    def _settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return to_settings(self.search.space, values)

    def _unmeasured(self, entry: Entry, effects: tuple[Effect, ...], bar: Bar) -> Simplified:
        """Nothing could be measured, or need be: what trials of the search showed can still do."""
        can_tell = self.measures and bar.loss > 0.0
        is_open = any(e.source != "measured" for e in effects)
        note = NO_TIME if can_tell and is_open else None
        return Simplified(finalist=entry, entry=entry, effects=effects, note=note)

    def _measured(
        self, entry: Entry, groups: Sequence[Group], lot: Lot
    ) -> tuple[dict[str, Effect], Together | None]:
        if not lot.others:
            return {}, None
        search = self.search
        plan = search.plan if lot.whole else self.short_plan
        arms, lacks = arms_of(search.space, entry, groups, lot)
        base = arms[0].name
        stem = f"effects-{self.searched:04d}-{entry.number:04d}"
        confirmed = self.make_round(plan, base, stem, lot.blocks).run(arms)
        return effects_of(confirmed, base, lacks, search.judge, self.floor.half_widths, search.seed)

    def _ended(
        self,
        begun: EffectRow,
        entry: Entry,
        effects: tuple[Effect, ...],
        dropped: tuple[Group, ...],
        bar: Bar,
    ) -> Simplified:
        smaller, note = self._smaller(entry, dropped, bar)
        row = replace(
            begun,
            done=not self.search.stop.is_set() and note != NO_TIME_TO_DROP,
            effects=effects,
            dropped=tuple(g.name for g in dropped),
            smaller=None if smaller is None else smaller.key,
            note=note,
        )
        note_row(self.folder, row)
        return _simplified(entry, smaller, effects, dropped, note)

    def _smaller(
        self, entry: Entry, dropped: Sequence[Group], bar: Bar
    ) -> tuple[Entry | None, str | None]:
        """The trial without `dropped`, where it keeps the gain; else why the finalist stands."""
        if not dropped:
            return None, None
        values = without_all(self.search.space, entry.values, dropped)
        key = Candidate(self._settings(values)).key
        names = ", ".join(group.name for group in dropped)
        if not self.search.ledger.looks(key):
            if not self.has_time_for_trial():
                return None, NO_TIME_TO_DROP
            label = f"{FEWER}{arm_name(entry.number)} without {names}"
            self.search.also(Planned(values, label))
        smaller = self._ranked(key)
        if smaller is not None and bar.keeps(entry, smaller):
            return smaller, None
        return None, f"{names} did nothing by itself, but without it the gain was not kept"

    def _ranked(self, key: str) -> Entry | None:
        return next((e for e in self.search.ledger.ranked if e.key == key), None)

    def _restored(self, entry: Entry, groups: Sequence[Group], row: EffectRow) -> Simplified:
        smaller = None if row.smaller is None else self._ranked(row.smaller)
        dropped = tuple(group for group in groups if group.name in row.dropped)
        return _simplified(entry, smaller, row.effects, dropped, row.note)


def _simplified(
    entry: Entry,
    smaller: Entry | None,
    effects: tuple[Effect, ...],
    dropped: Sequence[Group],
    note: str | None,
) -> Simplified:
    return Simplified(
        finalist=entry,
        entry=entry if smaller is None else smaller,
        effects=effects,
        dropped=() if smaller is None else tuple(dropped),
        note=note,
    )
