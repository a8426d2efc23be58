"""A full factorial: every configuration of a small space, measured once and kept.

The folder holds ``space.toml`` (what varies), ``workload.jsonl`` (what is replayed),
``factorial.json`` (which plan, which rungs, on what) and the launches (`trial.recorded_rows`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.search.rungs import WHOLE, rungs_of
from autotune.search.space import Space, is_forbidden, to_settings
from autotune.search.space_file import build_space, read_space_file
from autotune.search.suggest import active_values
from autotune.study.files import read_json, write_json
from autotune.trial.recorded_rows import LaunchRow, read_recorded_turns, read_rows
from autotune.workload.load import load_workload

SCHEMA_VERSION = "factorial/1"
Settings = dict[str, Setting]


@dataclass(frozen=True, slots=True)
class FactorialFolder:
    """Where each file of a factorial is. Nothing is made before something is written."""

    path: Path

    @property
    def facts_path(self) -> Path:
        """Plan, rungs and provenance."""
        return self.path / "factorial.json"

    @property
    def workload_path(self) -> Path:
        """The sessions that are replayed, as a capture."""
        return self.path / "workload.jsonl"

    @property
    def space_path(self) -> Path:
        """What varies, in the language of search spaces."""
        return self.path / "space.toml"

    def read_facts(self) -> dict[str, Any]:
        """Raises `UserError` where there is no factorial, or one of another version."""
        facts = read_json(self.facts_path)
        if facts is None or facts.get("schema_version") != SCHEMA_VERSION:
            raise UserError(
                f"{self.path} is not a recorded factorial",
                "name a folder that make record-factorial wrote",
            )
        return facts

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Raises `MachineError` when the disk refuses."""
        write_json(self.facts_path, {"schema_version": SCHEMA_VERSION, **facts})

    def space(self) -> Space:
        """What varies, in plain values without symbols. Raises `UserError` for a wrong space."""
        return build_space(
            read_space_file(self.space_path),
            None,
            {},
            pins={},
            allow_quality_change=False,
            rolling_state=False,
        )

    def plan(self) -> ReplayPlan:
        """Every turn of the workload, one session after the other as their times say."""
        return make_plan(
            load_workload(self.workload_path),
            history=History.CLOSED_LOOP,
            order=Order.INTERLEAVED,
            concurrency=1,
            max_output_tokens=None,
            default_output_tokens=32,
        )

    def rows(self) -> list[LaunchRow]:
        """Every launch that has ended, in order."""
        return read_rows(self.path)

    def turns(self) -> Iterator[TurnRecord]:
        """Every turn, those of launches that never ended included."""
        return read_recorded_turns(self.path)


def configurations(space: Space) -> list[Settings]:
    """Every distinct configuration that `space` allows, in grid order: the last parameter fastest.

    Values that do not apply under others make no configuration of their own.
    """
    found: dict[str, Settings] = {}
    for values in itertools.product(*(p.choices for p in space.parameters)):
        wanted = dict(zip(space.names, values, strict=True))
        settings = to_settings(space, active_values(space, wanted))
        if not is_forbidden(space, settings):
            found.setdefault(Candidate(settings).key, settings)
    return list(found.values())


def measuring_order(space: Space, seed: int) -> list[Settings]:
    """The default, then all others shuffled: what drifts with time must not look like a factor."""
    default = to_settings(space, space.defaults)
    rest = [s for s in configurations(space) if s != default]
    random.Random(seed).shuffle(rest)
    return [default, *rest]


def rung_plans(plan: ReplayPlan) -> dict[str, ReplayPlan]:
    """What each configuration is asked: the whole plan, and rungs that are no beginning of it."""
    ahead = {rung.name: rung.plan for rung in rungs_of(plan) if rung.ahead}
    return {WHOLE: plan, **ahead}


def turn_keys(plan: ReplayPlan) -> tuple[tuple[str, int], ...]:
    """(session, turn) of every turn of `plan`, in order."""
    return tuple((p.turn.session_id, p.turn.index) for p in plan.turns)


def described_plan(plan: ReplayPlan) -> dict[str, Any]:
    """`plan` as plain data: which turns, how long their replies are, its digest."""
    turns: Sequence[list[Any]] = [
        [p.turn.session_id, p.turn.index, p.output_tokens] for p in plan.turns
    ]
    return {"digest": plan.digest, "history": plan.history.value, "turns": turns}
