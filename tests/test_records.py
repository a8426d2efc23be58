from __future__ import annotations

import json

import pytest

from autotune.records import SCHEMA_VERSION, TurnRecord

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


def test_only_a_turn_without_a_failure_may_be_scored() -> None:
    assert GOOD.ok
    assert not TurnRecord.from_json({**GOOD.to_json(), "failure": "wrong-length"}).ok
