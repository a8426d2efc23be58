"""What a study knows of its finalists' changes: ``effects.json``, one row a finalist.

A row is written before its runs begin, so that a study that was killed goes on with the same ones,
and again when they are done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autotune.search.change_groups import Group
from autotune.search.effects import Basis, Effect
from autotune.search.leave_one_out import Lot
from autotune.study.folder import StudyFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """One finalist. `key` is its candidate's, `searched` how many trials were searched before,
    `plan` the digest of the searched plan.

    When `done`: `effects` are those of its changes, `dropped` the names of those that do nothing,
    `smaller` is the key of the config without them (``None`` where the finalist stands).
    """

    key: str
    searched: int
    plan: str
    lot: Lot
    done: bool = False
    effects: tuple[Effect, ...] = ()
    dropped: tuple[str, ...] = ()
    smaller: str | None = None
    note: str | None = None

    def is_of(self, key: str, searched: int, plan: str) -> bool:
        """Whether it is of this finalist after these trials."""
        return (self.key, self.searched, self.plan) == (key, searched, plan)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "key": self.key,
            "searched": self.searched,
            "plan": self.plan,
            "lot": self.lot.to_json(),
            "done": self.done,
            "effects": [effect.to_json() for effect in self.effects],
            "dropped": list(self.dropped),
            "smaller": self.smaller,
            "note": self.note,
        }


def find_row(
    folder: StudyFolder, groups: Sequence[Group], key: str, searched: int, plan: str
) -> EffectRow | None:
    """The row of a finalist; `groups` are its changes, as they were when it was written."""
    for data in folder.read_effects():
        row = _row(data, {group.name: group for group in groups})
        if row is not None and row.is_of(key, searched, plan):
            return row
    return None


def note_row(folder: StudyFolder, row: EffectRow) -> None:
    """Write `row` down; an earlier one of the same finalist gives way to it."""
    place = (row.key, row.searched, row.plan)
    rows = [r for r in folder.read_effects() if (r["key"], r["searched"], r["plan"]) != place]
    folder.write_effects([*rows, row.to_json()])


def _row(data: Mapping[str, Any], groups: Mapping[str, Group]) -> EffectRow | None:
    """Back from `EffectRow.to_json`; ``None`` for one of other changes."""
    names = {row["name"] for row in data["effects"]}
    lot = Lot.from_json(data["lot"])
    if not {*names, *lot.alone, *lot.together, *data["dropped"]} <= set(groups):
        return None
    return EffectRow(
        key=data["key"],
        searched=data["searched"],
        plan=data["plan"],
        lot=lot,
        done=data["done"],
        effects=tuple(effect_of(row, groups[row["name"]]) for row in data["effects"]),
        dropped=tuple(data["dropped"]),
        smaller=data["smaller"],
        note=data["note"],
    )


def effect_of(data: Mapping[str, Any], group: Group) -> Effect:
    """Back from `Effect.to_json`."""
    return Effect(
        group=group,
        basis=Basis(data["basis"]),
        ratio=data["ratio"],
        low=data["low"],
        high=data["high"],
        pairs=data["pairs"],
        failure=data["failure"],
    )
