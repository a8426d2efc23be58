"""The turn log: appended, flushed, and readable whatever a kill left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.errors import MachineError
from autotune.records import TurnRecord
from autotune.study.turn_log import TurnLog, read_turns


def record(order: int, **more: object) -> TurnRecord:
    fields: dict[str, object] = {
        "arm": "trial-0001",
        "block": 0,
        "order": order,
        "session_id": "s",
        "turn": order,
        "started_at": "2026-01-01T00:00:00+00:00",
        "asked_output_tokens": 24,
    }
    return TurnRecord(**{**fields, **more})  # type: ignore[arg-type]


def test_a_record_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    log = TurnLog(path)
    log.append(record(0, ttft_s=0.5, detail="naïve ✓"))
    assert list(read_turns(path)) == [record(0, ttft_s=0.5, detail="naïve ✓")]
    log.close()


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(min_value=1, max_value=200))
def test_a_torn_tail_costs_one_record_and_the_next_append_is_whole(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "turns.jsonl"
    log = TurnLog(path)
    for order in range(3):
        log.append(record(order))
    log.close()
    data = path.read_bytes()
    last = len(data) - data[:-1].rfind(b"\n") - 1
    path.write_bytes(data[: len(data) - min(cut, last - 1)])
    again = TurnLog(path)
    again.append(record(7))
    again.close()
    orders = [r.order for r in read_turns(path)]
    # Only the newline may be gone, and then the third record is whole.
    assert orders == ([0, 1, 2, 7] if min(cut, last - 1) == 1 else [0, 1, 7])


def test_a_full_disk_is_an_error_that_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    path.symlink_to("/dev/full")
    log = TurnLog(path)
    with pytest.raises(MachineError, match="disk is full") as caught:
        log.append(record(0))
    assert "run the same command again" in caught.value.hint
    log.close()


def test_reading_before_the_first_turn_gives_nothing(tmp_path: Path) -> None:
    assert list(read_turns(tmp_path / "none.jsonl")) == []


def test_lines_that_are_no_records_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    log = TurnLog(path)
    log.append(record(0))
    log.close()
    with path.open("ab") as out:
        out.write(b'[1,2]\n{"schema_version":"turn-record/1","unknown":1}\n\xff\xfe\n')
    assert [r.order for r in read_turns(path)] == [0]


def test_what_is_set_aside_keeps_its_place_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    log = TurnLog(path)
    log.append(record(0))
    log.append(record(0, block=1))
    log.append(record(1, arm="trial-0002", detail="beside trial-0001"))
    log.append(record(1))
    path.write_bytes(path.read_bytes() + b'{"torn trial-0001')
    assert log.set_aside("trial-0001", 0, as_arm="trial-0001~1") == 2
    assert log.set_aside("trial-0001", 7, as_arm="x") == 0
    log.close()
    again = TurnLog(path)
    again.append(record(2))
    again.close()
    assert [(r.arm, r.block, r.order) for r in read_turns(path)] == [
        ("trial-0001~1", 0, 0),
        ("trial-0001", 1, 0),
        ("trial-0002", 0, 1),
        ("trial-0001~1", 0, 1),
        ("trial-0001", 0, 2),
    ]


def test_the_log_goes_on_after_something_was_set_aside(tmp_path: Path) -> None:
    log = TurnLog(tmp_path / "turns.jsonl")
    log.append(record(0))
    log.set_aside("trial-0001", 0, as_arm="trial-0001~1")
    log.append(record(0, ttft_s=1.0))
    log.close()
    assert [r.arm for r in read_turns(log.path)] == ["trial-0001~1", "trial-0001"]
