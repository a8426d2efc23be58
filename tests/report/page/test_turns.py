"""Turn by turn: the middle over repetitions, whole sessions, absent apart from failed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from report_data import record, write_records

from autotune.report.page.turn_lines import lines_by_arm, records
from autotune.report.page.turns import Side, chosen, counted_alike, reused_share, side, turns_plot


def test_a_turn_is_the_median_over_its_blocks() -> None:
    runs = [record("d", "a", 0, block=b, ttft_s=t) for b, t in enumerate((0.1, 0.4, 0.2))]
    failed = record("d", "a", 0, block=3, ttft_s=9.0, failure="crash")
    point = side("default", "default", [*runs, failed]).points[("a", 0)]
    assert point.ttft_s == 0.2
    assert (point.runs, point.failed) == (4, 1)
    assert (point.depth_tokens, point.reused_tokens) == (1000, 500)


def test_what_no_run_answered_is_absent() -> None:
    lost = side("d", "default", [record("d", "a", 0, failure="crash", decode_tps=1.0)])
    assert lost.points[("a", 0)].decode_tps is None


def test_plot_and_table_say_the_same() -> None:
    ours = side("default", "default", [record("d", s, t) for s in "ba" for t in (1, 0)])
    theirs = side("tuned", "tuned", [record("t", "b", t, ttft_s=0.25) for t in (0, 1)])
    plot = turns_plot([ours, theirs], "the confirmation")
    assert plot is not None
    assert plot.grid is not None
    figure = plot.figure
    assert figure.title == "Turn by turn: 4 turns of 2 sessions (the confirmation)"
    rows = [[cell.text for cell in row] for row in plot.grid.rows]
    assert rows[0] == ["b", "0", "1,000", "500", "500", "0.500", "0.250", "40.0", "40.0"]
    assert rows[2] == ["a", "0", "1,000", "500", "–", "0.500", "–", "40.0", "–"]
    tokens, ttft, decode = figure.panels  # type: ignore[union-attr]
    assert [s.name for s in tokens.series] == ["prompt tokens", "reused, tuned", "reused, default"]
    assert ttft.series[1].x == (0.0, 1.0, 1.5, 2.0, 3.0)
    assert ttft.series[1].y == (0.25, 0.25, None, None, None)
    assert ttft.log
    assert figure.breaks == ((1.5, "a"),)  # type: ignore[union-attr]
    assert "a, turn 0\nnot measured" in decode.series[1].told[3]


def deep(name: str, tokens: int) -> Side:
    return side(name, "arm0", [record(name, "s", t, depth_tokens=tokens * (t + 1), cached_tokens=0)
                               for t in (0, 1)])  # fmt: skip


def test_counts_are_alike_within_a_twentieth() -> None:
    assert counted_alike([deep("a", 1000), deep("b", 1040), Side("c", "arm2", {})])
    assert not counted_alike([deep("a", 1000), deep("b", 1060)])
    assert not counted_alike([deep("a", 1000), deep("b", 900)])


def test_other_tokenizers_are_compared_by_shares() -> None:
    plot = turns_plot([deep("a", 1000), deep("b", 2000)])
    assert plot is not None
    assert plot.grid is not None
    prompt, reused, ttft, decode = plot.figure.panels  # type: ignore[union-attr]
    assert [s.y for s in prompt.series] == [(1000.0, 2000.0), (2000.0, 4000.0)]
    assert [s.y for s in reused.series] == [(0.0, 0.0), (0.0, 0.0)]
    assert (reused.share, ttft.log, decode.log) == (True, True, False)
    assert plot.grid.heads[2:6] == ("prompt tokens, a", "prompt tokens, b", "reused, a",
                                    "reused, b")  # fmt: skip
    assert plot.grid.note == "Each engine counts tokens its own way."


def test_more_than_two_are_compared_by_shares_of_one_prompt() -> None:
    plot = turns_plot([deep("a", 1000), deep("b", 1000), deep("c", 1000)])
    assert plot is not None
    assert plot.grid is not None
    prompt, reused, *_ = plot.figure.panels  # type: ignore[union-attr]
    assert [s.name for s in prompt.series] == ["prompt tokens"]
    assert [s.name for s in reused.series] == ["a", "b", "c"]
    assert plot.grid.heads[2:4] == ("prompt tokens", "reused, a")
    assert plot.grid.note == ""


def test_a_share_of_nothing_is_absent() -> None:
    points = side("a", "arm0", [record("a", "s", 0, depth_tokens=0, cached_tokens=0),
                                record("a", "s", 1, cached_tokens=None)]).points  # fmt: skip
    assert [reused_share(point) for point in points.values()] == [None, None]


def test_nothing_measured_is_no_plot() -> None:
    assert turns_plot([Side("d", "default", {})]) is None


def test_whole_sessions_are_left_out_deepest_kept() -> None:
    rows = [record("d", "short", t) for t in range(3)] + [record("d", "deep", t) for t in range(5)]
    keys, left = chosen([side("d", "default", rows)], most=6)
    assert keys == [("deep", t) for t in range(5)]
    assert left == 3
    keys, left = chosen([side("d", "default", rows)], most=4)
    assert (keys, left) == ([("deep", t) for t in range(4)], 4)


@pytest.mark.parametrize("name", ["turns.jsonl", "turns.jsonl.gz"])
def test_only_lines_of_wanted_arms_are_kept(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_records(
        tmp_path / "plain", [record("a", "s", 0), record('b"', "s", 0), record("a", "s", 1)]
    )
    text = (tmp_path / "plain").read_text() + '{"arm":"a","torn'
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    lines = lines_by_arm(path, lambda arm: arm == "a")
    assert [r.turn for r in records(lines, "a")] == [0, 1]
    assert records(lines, None) == ()
    quoted = lines_by_arm(path, lambda arm: arm != "a")
    assert [json.loads(rows[0])["arm"] for rows in quoted.values()] == list(quoted) == ['b"']


def test_no_log_is_no_turns(tmp_path: Path) -> None:
    assert lines_by_arm(tmp_path / "none", lambda _: True) == {}
