"""What a rung cannot see; numbers worked out by hand."""

from __future__ import annotations

import pytest

from autotune.records import TurnRecord
from autotune.search.pressure import (
    SAME_LOST,
    Room,
    changes_capacity,
    is_beyond,
    losses,
    lost_share,
)
from autotune.search.space import Parameter, Space

SPACE = Space(
    "e",
    (
        Parameter("cache-type-k", ("f16", "q8_0"), "f16", "quantization"),
        Parameter("ubatch-size", (256, 512), 512, "batch size"),
    ),
)
SCORED = {("a", turn) for turn in range(10)}


def record(turn: int, cached: int | None, depth: int = 1000, **changed: object) -> TurnRecord:
    values: dict[str, object] = {
        "arm": "x", "block": 0, "order": turn, "session_id": "a", "turn": turn, "started_at": "",
        "asked_output_tokens": 1, "depth_tokens": depth, "cached_tokens": cached,
    }  # fmt: skip
    return TurnRecord(**{**values, **changed})  # type: ignore[arg-type]


def test_a_turn_that_finds_less_than_half_of_the_one_before_has_lost_its_prefix() -> None:
    rows = [record(0, 0), record(1, 990), record(2, 499), record(3, 0), record(4, 501)]
    assert lost_share(rows, SCORED) == pytest.approx(2 / 4)
    assert lost_share(reversed(rows), SCORED) == pytest.approx(2 / 4)


def test_first_turns_edits_failures_and_unscored_turns_have_none_to_lose() -> None:
    rows = [
        record(0, 0),
        record(1, 0, boundary="compaction"),
        record(2, 0, failure="crash"),
        record(12, 0),
    ]
    assert lost_share(rows, SCORED) is None
    assert lost_share([record(0, None), record(1, None)], SCORED) is None


def test_only_flags_of_caches_make_room() -> None:
    small = {"cache-type-k": "q8_0", "ubatch-size": 512}
    assert changes_capacity(SPACE, small, {"cache-type-k": "f16", "ubatch-size": 512})
    assert not changes_capacity(SPACE, small, {"cache-type-k": "q8_0", "ubatch-size": 256})


def test_room_is_worth_something_where_the_best_one_loses_prefixes() -> None:
    small, best = {"cache-type-k": "q8_0"}, {"cache-type-k": "f16"}
    losing = [record(0, 0), record(1, 0), record(2, 990)]
    keeping = [record(turn, 990) for turn in range(9)]
    assert is_beyond(SPACE, small, best, losing, SCORED)
    assert not is_beyond(SPACE, small, best, keeping, SCORED)
    assert not is_beyond(SPACE, best, best, losing, SCORED)
    # An engine that does not say what it reused may lose everything.
    assert is_beyond(SPACE, small, best, [record(0, None)], SCORED)


def test_losses_are_told_turn_by_turn() -> None:
    rows = [record(0, 0), record(1, 990), record(2, 400)]
    assert losses(rows) == {("a", 1): False, ("a", 2): True}


def test_room_stays_open_until_the_same_prefixes_are_lost_and_none_is_kept() -> None:
    best = [record(turn, 0) for turn in range(8)]  # seven prefixes lost
    room = Room.beside(best)
    assert len(room.lost) == 7
    for turn in range(SAME_LOST):  # the first turn has none to lose
        room.take(record(turn, 0))
        assert room.is_open
    room.take(record(SAME_LOST, 0))
    assert not room.is_open
    room.take(record(SAME_LOST + 1, 990))  # one that it keeps
    assert room.is_open


def test_turns_at_which_the_best_one_lost_nothing_say_nothing_of_room() -> None:
    room = Room.beside([record(turn, 990) for turn in range(8)])
    for turn in range(8):
        room.take(record(turn, 0))
    assert (room.same, room.kept, room.is_open) == (0, 0, True)
