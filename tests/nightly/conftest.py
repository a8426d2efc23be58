"""A night in full, and one in short."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from autotune.nightly.night_record import (
    CanaryNote,
    ChangeNote,
    DroppedNote,
    HookNote,
    Night,
    Outcome,
    PromotionNote,
    TuningNote,
    WorkloadNote,
)
from autotune.nightly.nights import stamp_of

BEGUN = datetime(2026, 11, 23, 2, 30, 11, tzinfo=UTC)


@pytest.fixture
def make_night() -> Callable[..., Night]:
    """A night in which nothing changed; any field may be given. `day` counts from 23 November."""

    def make(day: int = 0, **fields: Any) -> Night:
        begun = BEGUN + timedelta(days=day)
        usual: dict[str, Any] = {
            "target": "coder",
            "stamp": stamp_of(begun),
            "started_at": begun,
            "ended_at": begun + timedelta(seconds=95),
            "outcome": Outcome.NOTHING,
            "why": "nothing changed since generation 3",
        }
        return Night(**{**usual, **fields})

    return make


@pytest.fixture
def full_night(make_night: Callable[..., Night]) -> Night:
    """A night that did everything a night can do."""
    return make_night(
        ended_at=BEGUN + timedelta(hours=1, minutes=5),
        outcome=Outcome.PROMOTED,
        why="trial 7 beats the config in use on 6 held-out sessions",
        decision="retune",
        reasons=("the model changed", "the driver changed"),
        changes=(
            ChangeNote(name="model", was="sha256:aaaa", now="sha256:bbbb"),
            ChangeNote(name="driver", was=None, now="580.1"),
        ),
        workload=WorkloadNote(sessions=12, joined=3, aged_out=1),
        canary=CanaryNote(
            turns=8, ratio=1.125, low=1.05, high=1.2, floor=1.04, machine_ratio=1.01, drifted=True,
            said="slower than it was, by more than two runs differ",
        ),
        dropped=(DroppedNote(setting="cache-reuse", value="256", why="unknown | flag"),),
        tuning=TuningNote(
            study="nightly-coder-2026-11-23T02-30-11Z", budget_s=3600, trials=21, failed_trials=2,
            warm_from=("demo",), verdict="trial 7 wins", speedup=1.31, low=1.2, high=1.44,
            sessions=6, quality="kept", settings={"batch-size": 512, "kv-unified": False},
        ),
        promotion=PromotionNote(
            promoted=True, why="its interval is clear of 1", generation=4, was_generation=3,
            changed={"batch-size": (2048, 512), "kv-unified": (None, False)},
            exports=("/srv/llama.ini",), health="answered in 0.4s as exported",
        ),
        hooks=(
            HookNote(name="before", code=0, seconds=0.42),
            HookNote(name="after", code=None, seconds=61.0, said="took too long"),
        ),
        seconds={"canary": 60.0, "tuning": 3600.0, "promotion": 4.25},
        generation=4,
        notes=("the clock of the GPU was not fixed",),
    )  # fmt: skip
