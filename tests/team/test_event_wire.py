"""Events on another host are the events that were sent."""

from __future__ import annotations

import json

import pytest

from autotune.errors import MachineError
from autotune.scoring.warmth import KindScore
from autotune.search.events import (
    ArmRow,
    BucketRow,
    ConfirmBlock,
    Event,
    Prepared,
    Summary,
    TrialFinished,
    TrialStarted,
    TurnDone,
)
from autotune.team.event_wire import from_wire, to_wire

BUCKET = BucketRow("30k-60k", 8, 1.0, 0.5, 20.0, 21.0, None, 0.9)
EVENTS: list[Event] = [
    TrialStarted(3, {"batch-size": 512, "flash-attn": None}, "default"),
    TrialFinished(3, {}, 1.0, 0.5, 20.0, 1.0, 60.0, is_best=True),
    ConfirmBlock("default", 2, None, "crash"),
    Prepared("s", "/s", "e", "1", "m", "g", 3, 9, 1, 5000, "0-10k", 4, 0, None, 60.0, ("a note",)),
    Summary("s", "/s", 0, "faster", 3, 1.2, (1.1, 1.3), buckets=(BUCKET,), notes=("n",)),
    Summary(
        "s",
        "/s",
        1,
        "no",
        None,
        None,
        None,
        arms=(ArmRow("e", "best", 1, {}, "d", 3, 1.0, 2.0, 3.0, None),),
    ),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_there_and_back(event: Event) -> None:
    assert from_wire(json.loads(json.dumps(to_wire(event)))) == event


def test_nested_figures_keep_their_kinds() -> None:
    kinds = (KindScore("cold", 3, 0.5, 1.0, 20.0),)
    event = TrialFinished(1, {}, 1.0, 0.5, 20.0, 1.0, 60.0, kinds=kinds)
    assert from_wire(json.loads(json.dumps(to_wire(event)))) == event


def test_turns_are_not_told() -> None:
    assert to_wire(TurnDone(1, 9, 0.5, 20.0)) is None


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"event": "Popen", "fields": {"args": "sh"}},
        {"event": "TrialStarted", "fields": {"number": "three", "changes": {}}},
        {"event": "TrialStarted", "fields": {"number": 3, "changes": {}, "code": "x"}},
        {"event": "TrialStarted", "fields": []},
        {"event": ["TrialStarted"], "fields": {}},
    ],
)
def test_anything_else_is_another_version(row: dict[str, object]) -> None:
    with pytest.raises(MachineError, match="not understood") as caught:
        from_wire(row)
    assert "same autotune" in caught.value.hint
