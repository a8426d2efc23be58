from __future__ import annotations

import json
from dataclasses import replace

import pytest

from autotune.records import SCHEMA_VERSION, TurnMachine, TurnRecord

GOOD = TurnRecord(
    arm="trial-0007",
    block=0,
    order=3,
    session_id="s1",
    turn=2,
    started_at="2026-01-02T03:04:05Z",
    asked_output_tokens=24,
    depth_tokens=1300,
    cached_tokens=0,
    ttft_s=0.25,
)


def test_a_record_survives_a_line_of_json() -> None:
    line = json.dumps(GOOD.to_json())
    assert TurnRecord.from_json(json.loads(line)) == GOOD


def test_absent_is_not_zero() -> None:
    data = GOOD.to_json()
    assert data["cached_tokens"] == 0
    assert data["computed_tokens"] is None
    assert data["schema_version"] == SCHEMA_VERSION


def test_an_unknown_key_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="ttft_ms"):
        TurnRecord.from_json({**GOOD.to_json(), "ttft_ms": 250})


def test_the_machine_is_written_where_it_was_watched_and_as_far_as_it_is_known() -> None:
    assert "machine" not in GOOD.to_json()
    machine = TurnMachine(looks=2, sm_clock_max_mhz=1695, throttle=0, other_cores=0.1)
    watched = replace(GOOD, machine=machine)
    line = json.loads(json.dumps(watched.to_json()))
    assert line["machine"] == {
        "looks": 2, "sm_clock_max_mhz": 1695, "throttle": 0, "other_cores": 0.1
    }  # fmt: skip
    assert TurnRecord.from_json(line) == watched
    assert TurnRecord.from_json(GOOD.to_json()).machine is None  # as written before
    with pytest.raises(TypeError):
        TurnRecord.from_json({**line, "machine": {"looks": 1, "strange": 2}})


def test_only_a_turn_without_a_failure_may_be_scored() -> None:
    assert GOOD.ok
    assert not TurnRecord.from_json({**GOOD.to_json(), "failure": "wrong-length"}).ok


def test_a_reply_that_ended_early_is_reckoned_over_what_was_asked() -> None:
    """14 of 24 tokens in 2 s, at 20 a second: the ten that are missing would have taken 0.5 s."""
    early = replace(GOOD, output_tokens=14, wall_s=2.0, decode_tps=20.0)
    assert early.work_tokens == 24
    assert early.work_s == 2.5
    assert replace(early, decode_tps=None).work_s is None
    whole = replace(early, output_tokens=24)
    assert (whole.work_tokens, whole.work_s) == (24, 2.0)
    assert replace(whole, decode_tps=None).work_s == 2.0


def test_what_was_not_measured_is_not_reckoned() -> None:
    assert (GOOD.work_tokens, GOOD.work_s) == (None, None)
    assert replace(GOOD, asked_output_tokens=None, output_tokens=7).work_tokens == 7
