from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from autotune.report.captures import damage_lines, print_capture_report
from autotune.workload.inspect import BucketReport, CaptureReport, FileReport, SessionReport
from autotune.workload.model import Damage
from autotune.workload.reuse import ReuseReport

DAMAGE = (
    Damage("logs/a-file-with-a-rather-long-name.jsonl", "torn-line", 1, 812, "Unterminated string"),
    Damage("b.jsonl", "crlf", 40, 1, "", harmless=True),
)

REUSE = ReuseReport(
    turns=4,
    append_only=3,
    reusable_share=0.91,
    reusable_share_p50=0.985,
    causes={"clock or counter in the system prompt": 1},
    lost_tokens={"clock or counter in the system prompt": 12_345},
    ceilings={1: 0.4, 2: 0.88, 4: 0.9, 8: 0.9},
)

REPORT = CaptureReport(
    files=(FileReport("a.jsonl", "fizeau", 1, 3), FileReport("b.jsonl", "capture/1", 1, 2)),
    sessions=(
        SessionReport("s-1", None, 3, 5_501, 17_584, 0),
        SessionReport("s-1-sub", "s-1", 2, 900, 1_100, 2),
    ),
    turns=5,
    max_depth=17_584,
    estimated_turns=2,
    buckets=(BucketReport("0-10k", 3, 1, 1.678), BucketReport("10-30k", 2, 0, None)),
    growth_p50_tokens=1469.5,
    reply_p50_tokens=402.0,
    cached_share=0.25,
    cached_share_p50=0.0,
    cached_turns=3,
    append_only_share=1.0,
    reuse=REUSE,
    failed_turns=1,
    boundaries={"subagent": 1},
    fidelity={"exact": 3, "rebuilt": 2},
    missing={"tools": 2},
    pad_tokens=70,
    damage=DAMAGE,
    digest="sha256:" + "ab" * 32,
)

EMPTY = replace(
    REPORT,
    growth_p50_tokens=None,
    reply_p50_tokens=None,
    cached_share=None,
    cached_share_p50=None,
    append_only_share=None,
    reuse=ReuseReport(0, 0, None, None, {}, {}, {}),
    failed_turns=0,
    estimated_turns=0,
    pad_tokens=0,
    missing={},
    boundaries={},
    damage=(),
)


def shown(report: CaptureReport, rows: int = 10) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_capture_report(report, console, rows=rows)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_first_line_says_it_all() -> None:
    first = shown(REPORT).splitlines()[0]
    assert first == (
        "2 sessions (1 sub-agent), 5 turns, 17,584 tokens at the deepest; capture/1, fizeau"
    )


def test_tables_fit_in_80_columns() -> None:
    lines = shown(REPORT).splitlines()
    assert max(map(len, lines[1:])) <= 80


@pytest.mark.parametrize(
    "fact",
    [
        "1,470 tokens",
        "402 tokens",
        "25% of all tokens, 0% in the median turn",
        "exact x 3, rebuilt x 2",
        "tools x 2",
        "70 tokens",
        "~900",
        "1.68",
        "torn-line",
        "sha256:abab",
        "91% of all tokens, 98% in the median turn",
        "1: 40%, 2: 88%, 4: 90%, 8: 90%",
        "clock or counter in the system prompt",
        "12,345",
    ],
)
def test_facts_are_shown(fact: str) -> None:
    assert fact in shown(REPORT)


def test_what_is_absent_is_a_dash_and_nothing_else_is_said() -> None:
    text = shown(EMPTY)
    assert "– (not recorded)" in text
    assert "failed when recorded" not in text
    assert "Damage" not in text
    assert "Prefix" not in text


def test_long_lists_are_cut() -> None:
    text = shown(REPORT, rows=1)
    assert "and 1 more (--rows shows them)" in text
    assert "s-1-sub" not in text


def test_damage_in_lines() -> None:
    assert list(damage_lines(DAMAGE)) == [
        "logs/a-file-with-a-rather-long-name.jsonl:812: torn-line x 1 (Unterminated string)",
        "b.jsonl:1: crlf x 40",
    ]
