"""What engines that are compared replay alike, however differently they count it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from autotune.replay.plan import ReplayPlan
from autotune.search.judge import TurnKey
from autotune.study.folder import StudyFolder
from autotune.workload.model import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Sessions that are searched and held out, and the turns of both that are at depth."""

    search: tuple[str, ...]
    confirm: tuple[str, ...]
    at_depth: frozenset[TurnKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTurns:
    """The turns that every engine of a contest can hold, and what they are for.

    `kept` is how many turns of each session are left, counted from its start. `roles` are decided
    once, by the count of the engine that holds the baseline: tokenizers differ, and sessions that
    change sides or turns that change depth from engine to engine could not be compared. ``None``
    leaves them to be decided.
    """

    kept: Mapping[str, int]
    roles: Roles | None = None

    def cut(self, workload: Workload) -> Workload:
        """`workload` with the turns that are kept; sessions of which none is are left out."""
        kept = (
            replace(s, turns=s.turns[: self.kept.get(s.session_id, 0)]) for s in workload.sessions
        )
        return replace(workload, sessions=tuple(s for s in kept if s.turns))

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``shared.json``."""
        roles = self.roles
        return {
            "kept": dict(self.kept),
            "search": None if roles is None else list(roles.search),
            "confirm": None if roles is None else list(roles.confirm),
            "at_depth": None if roles is None else [list(k) for k in sorted(roles.at_depth)],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SharedTurns:
        """Back from `to_json`."""
        roles = None
        if data["search"] is not None:
            keys = frozenset((str(s), int(t)) for s, t in data["at_depth"])
            roles = Roles(
                search=tuple(data["search"]), confirm=tuple(data["confirm"]), at_depth=keys
            )
        return cls(kept={str(s): int(n) for s, n in data["kept"].items()}, roles=roles)


def stored_shared(folder: StudyFolder) -> SharedTurns | None:
    """What the study in `folder` shares with others; ``None`` when it stands alone."""
    data = folder.read_shared()
    return None if data is None else SharedTurns.from_json(data)


def depth_span(depths: Mapping[TurnKey, int], keys: frozenset[TurnKey]) -> str:
    """From the shallowest to the deepest of `keys`, as one engine counts: ``9,812-27,540``."""
    tokens = [depths[key] for key in keys if key in depths]
    return f"{min(tokens):,}-{max(tokens):,}" if tokens else "none"


def within(plan: ReplayPlan, keys: frozenset[TurnKey]) -> frozenset[TurnKey]:
    """Those of `keys` that `plan` replays."""
    return keys & {(p.turn.session_id, p.turn.index) for p in plan.turns}
