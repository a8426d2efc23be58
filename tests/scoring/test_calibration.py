"""The stated error rate is the real one: on noise recorded on a real engine, bursts included."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from autotune.records import TurnRecord
from autotune.scoring.calibration import (
    Calls,
    Design,
    Run,
    calibrate,
    most_by_chance,
    read_runs,
    run_from_json,
    run_to_json,
    studies,
)
from autotune.scoring.comparison import CONFIDENCE, METRICS, Comparison, Ratio
from autotune.scoring.interval import compare

Record = Callable[..., TurnRecord]
FOLDER = Path(__file__).resolve().parents[2] / "studies" / "aa-calibration"
RECORDINGS = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
STUDIES = 200


def quick(default: list[TurnRecord], candidate: list[TurnRecord]) -> Comparison:
    """A twentieth of the draws: with so few sessions and blocks the bounds are Student's."""
    return compare(default, candidate, resamples=100)


@cache
def recording(name: str) -> tuple[Run, ...]:
    return tuple(read_runs((FOLDER / f"{name}.jsonl").read_text().splitlines()))


@cache
def calls(name: str, sessions: int) -> dict[str, Calls]:
    design = Design(sessions)
    return calibrate(recording(name), design, count=STUDIES, seed=1, compared=quick)


def test_there_are_recordings_with_and_without_bursts() -> None:
    assert {"bursts", "shared"} <= set(RECORDINGS)
    assert all(len(recording(name)) >= 40 for name in RECORDINGS)


@pytest.mark.parametrize("sessions", [2, 3, 4, 6])
@pytest.mark.parametrize("name", RECORDINGS)
def test_identical_arms_are_called_different_no_more_often_than_stated(
    name: str, sessions: int
) -> None:
    # 5% of 200 is 10, with a standard deviation of sqrt(200 * 0.05 * 0.95) = 3.08: 18 at the most,
    # but in one of a hundred such tests.
    allowed = most_by_chance(STUDIES, 1 - CONFIDENCE)
    assert allowed == 18
    errors = {metric: found.errors for metric, found in calls(name, sessions).items()}
    assert set(METRICS) <= set(errors)
    assert {metric: n for metric, n in errors.items() if n > allowed} == {}


@pytest.mark.parametrize("sessions", [2, 3, 4, 6])
@pytest.mark.parametrize("name", RECORDINGS)
def test_a_true_difference_is_found_as_often_as_the_figures_say(name: str, sessions: int) -> None:
    stated = json.loads((FOLDER / "figures.json").read_text())["rows"]
    mine = [
        row
        for row in stated
        if (row["recording"], row["sessions"], row["blocks"]) == (name, sessions, 3)
        and not row["in_a_row"]
    ]
    assert len(mine) == len(calls(name, sessions))
    for row in mine:
        for factor, share in row["found"].items():
            found = calls(name, sessions)[row["metric"]].found(float(factor)) / STUDIES
            # Two sets of 200: a difference of shares has a standard deviation of at most 5%.
            assert found >= share - 0.15, (row["metric"], factor)


def runs_of(record: Record, count: int, sessions: int) -> list[Run]:
    """Run r takes 1 + r seconds to the first token everywhere."""
    return [
        tuple(
            record(turn, f"s{name}", ttft_s=1.0 + run)
            for name in range(sessions)
            for turn in (0, 1)
        )
        for run in range(count)
    ]


def test_a_block_is_two_neighbours_and_its_order_turns_around(record: Record) -> None:
    runs = runs_of(record, 9, 4)
    seen = set()
    for default, candidate in studies(runs, Design(sessions=2, blocks=3), count=50):
        assert {r.session_id for r in default} == {r.session_id for r in candidate}
        assert len({r.session_id for r in default}) == 2
        used = []
        signs = []
        for block in range(3):
            left, right = (
                {r.ttft_s for r in arm if r.block == block} for arm in (default, candidate)
            )
            (before,), (after,) = left, right
            assert before is not None
            assert after is not None
            signs.append(after - before)
            used += [before, after]
        assert len(set(used)) == 6
        assert signs in ([1, -1, 1], [-1, 1, -1])
        seen.add(tuple(used))
    assert len(seen) > 20


def test_blocks_in_a_row_follow_each_other(record: Record) -> None:
    runs = runs_of(record, 8, 2)
    for arms in studies(runs, Design(2, 3, in_a_row=True), count=20):
        starts = [
            min(r.ttft_s or 0 for arm in arms for r in arm if r.block == block)
            for block in range(3)
        ]
        assert (starts[1] - starts[0], starts[2] - starts[1]) == (2, 2)


def test_too_small_a_recording_is_refused(record: Record) -> None:
    for design in (Design(2, 3), Design(3, 2)):
        with pytest.raises(ValueError, match="are needed"):
            list(studies(runs_of(record, 5, 2), design, count=1))


def test_calls_by_hand() -> None:
    rows = [(1.0, 0.95, 1.05), (1.1, 1.01, 1.2), (0.9, 0.8, 0.99), (1.0, 0.8, 1.25)]
    calls = Calls(tuple(Ratio(*row) for row in (*rows, (1.0, None, None))))
    assert (calls.studies, calls.errors) == (5, 2)
    # 0.95 x 1.1 and 1.01 x 1.1 are above 1, 0.8 x 1.1 is not; at 1.3 all four are.
    assert (calls.found(1.1), calls.found(1.3)) == (2, 4)
    # sqrt(1.05 / 0.95) 1.051, sqrt(1.2 / 1.01) 1.090, sqrt(0.99 / 0.8) 1.112 and 1.25.
    assert calls.smallest_seen == pytest.approx((1.0900 + 1.1124) / 2, abs=1e-4)
    assert Calls((Ratio(1.0, None, None),)).smallest_seen is None


def test_a_run_comes_back_from_its_line(record: Record) -> None:
    rows = [record(turn, ttft_s=0.123456789, wall_s=1.0) for turn in range(2)]
    line = json.dumps(run_to_json(rows, at="2026-01-01T00:00:00+00:00", other_cores=0.5))
    (run,) = read_runs([line, ""])
    assert [(r.turn, r.ttft_s, r.decode_tps, r.depth_tokens) for r in run] == [
        (0, 0.12346, 10.0, 1000),
        (1, 0.12346, 10.0, 1000),
    ]
    assert compare(run, run).pairs == 2
    with pytest.raises(ValueError, match="schema"):
        run_from_json({"schema_version": "other/1"})
