"""A plan with rungs, and trials that were asked on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.search.ledger import COMPLETE, Entry, Ledger
from autotune.search.rung_looks import FREE, RungLook
from autotune.search.rungs import DEEP, Rung, rungs_of
from autotune.workload.model import Recorded, Turn


def talk(sessions: str = "aabbcc", turns: int = 8, reply: int = 50) -> ReplayPlan:
    """Sessions in this order, `turns` turns for each letter, from 100 tokens growing by one."""
    planned: list[PlannedTurn] = []
    seen: dict[str, int] = {}
    for name in sessions:
        for _ in range(turns):
            index = seen.get(name, 0)
            seen[name] = index + 1
            turn = Turn(
                name, index, ({"role": "user", "content": "x"},),
                recorded=Recorded(prompt_tokens=100 + index),
            )  # fmt: skip
            planned.append(PlannedTurn(len(planned), turn, reply))
    return ReplayPlan(tuple(planned), History.CLOSED_LOOP, 1, f"talk-{sessions}-{turns}-{reply}")


def rungs() -> tuple[Rung, ...]:
    """``deep``, ``sessions`` and ``whole`` of it."""
    return rungs_of(talk())


def look(shift: float, *, rung: str = DEEP, verdict: str = FREE, seconds: float = 10.0) -> RungLook:
    """Six turns, each ``2 ** shift`` seconds long."""
    turns = {f"s/{at}": 2.0**shift for at in range(6)}
    return RungLook(rung=rung, turns=turns, seconds=seconds, verdict=verdict)


def trial(
    number: int,
    value: float | None,
    *looks: RungLook,
    label: str = "",
    outcome: str = COMPLETE,
    seconds: float = 120.0,
    reached: float = 1.0,
    plan_s: float | None = 100.0,
) -> Entry:
    """One finished trial: by default 100 s of turns, 10 s of a rung and 10 s of a launch."""
    metrics: Mapping[str, float | None] = {"total_wait_s": plan_s}
    return Entry(
        number, f"key{number}", outcome, value, label, {}, {}, metrics, seconds, None, None,
        rungs=tuple(one.to_json() for one in looks), reached=reached,
    )  # fmt: skip


def ledger_of(trials: Sequence[Entry]) -> Ledger:
    """All of them, in order."""
    made = Ledger()
    for one in trials:
        made.add(one)
    return made
