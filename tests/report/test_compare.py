"""A comparison on a terminal of 80 columns, and its progress."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from quick_arms import record_of
from rich.console import Console
from rich.text import Text

from autotune.compare.events import (
    ArmEnded,
    ArmStarted,
    ArmTurn,
    BlockEnded,
    Opened,
    Surveying,
)
from autotune.report.compare import print_compare
from autotune.report.compare_progress import CompareDisplay
from autotune.report.compare_words import could_see, ended_line, interval, metric_name

FIGURES = {
    "bucket": "all", "turns": 56, "ttft_p50_s": 0.1234, "ttft_p95_s": 0.5, "decode_p50_tps": 45.1,
    "cached_share": 0.96, "total_wait_s": 12.3,
}  # fmt: skip


def verdict(metric: str = "ttft", depth: str = "all", **more: Any) -> dict[str, Any]:
    usual = {
        "arm": "b", "baseline": "a", "depth": depth, "metric": metric,
        "verdict": "cannot be told apart", "ratio": 1.02, "low": 0.98, "high": 1.06,
        "smallest_seen": 1.04, "confidence": 0.95, "directional": False,
    }  # fmt: skip
    return {**usual, **more}


def arm(name: str, **more: Any) -> dict[str, Any]:
    by_depth = [{**FIGURES, "bucket": label} for label in ("0-10k", "10-30k")]
    usual = {"name": name, "history": "recorded", "failure": None, "disturbed": 0}
    return {**usual, "figures": FIGURES, "by_depth": by_depth, **more}


def document(**more: Any) -> dict[str, Any]:
    run = {"sessions": 2, "turns": 14, "deepest_tokens": 59151, "until": 0.05}
    usual: dict[str, Any] = {
        "status": "done", "ended": "narrow", "blocks": 4, "seconds": 83.0, "reached": 0.04,
        "baseline": "a", "run": run, "arms": [arm("a"), arm("b")], "notes": ["a note"],
        "measurements": [], "made_again": 0, "made_again_s": 0.0, "floor": None,
        "verdicts": [
            verdict(), verdict("decode", verdict="faster", ratio=2.0, low=1.9, high=2.1),
            verdict(depth="0-10k", verdict="slower", ratio=0.5), verdict(depth="10-30k"),
        ],
    }  # fmt: skip
    return {**usual, **more}


def shown(found: dict[str, Any], **options: Any) -> str:
    out = io.StringIO()
    print_compare(found, Path("studies/x"), Console(file=out, width=80), **options)
    return out.getvalue()


def test_figures_verdicts_and_depths_in_80_columns() -> None:
    text = shown(document())
    lines = text.splitlines()
    assert lines[0] == (
        "b against a: 2 sessions, 14 turns to 59,151 tokens, 4 blocks, recorded history"
    )
    rows = [" ".join(line.split()) for line in lines]
    assert "a 0.123 0.500 45.1 12.3 96% 56" in rows
    assert "TTFT cannot be told apart 1.02x 0.98x to 1.06x 4.0%" in rows
    assert "decode faster 2.00x 1.90x to 2.10x 4.0%" in rows
    assert "0-10k b 0.123 0.500 45.1 96% 56 TTFT 0.50x" in rows
    assert "10-30k b 0.123 0.500 45.1 96% 56 cannot tell" in rows
    assert "ended: every interval is within 5.0%, after 4 blocks and 1m 23s" in rows
    assert rows[-1] == "kept in studies/x"
    assert "a note" in rows
    tables = [line for line in lines if "x" in line and " to " in line and "against" not in line]
    assert all(len(line.rstrip()) <= 80 for line in tables)


def test_several_arms_are_named_in_the_table() -> None:
    found = document(verdicts=[verdict(), verdict(arm="c", confidence=0.975)])
    rows = [" ".join(line.split()) for line in shown(found).splitlines()]
    assert "c TTFT cannot be told apart 1.02x 0.98x to 1.06x 4.0%" in rows
    assert "arm metric verdict speed-up 95% interval could see" in rows


def test_an_experiment_brings_its_own_table_by_depth() -> None:
    text = shown(document(), by_depth=Text("saved 3 s"))
    assert "saved 3 s" in text
    assert "10-30k" not in text


def test_what_went_wrong_is_said() -> None:
    silent = {**FIGURES, "cached_share": None}
    arms = [
        arm("a", disturbed=2),
        arm("b", failure="crash: gone", figures=None, by_depth=[], tuned_on_another_build=False),
        arm("c", figures=silent, tuned_on_another_build=True, engine="e"),
    ]
    found = document(
        arms=arms, ended="budget", floor={"ttft": 0.1}, made_again=1, made_again_s=9.0,
        measurements=[{}] * 8, verdicts=[verdict(directional=True)],
    )  # fmt: skip
    text = shown(found)
    for words in (
        "b failed: crash: gone",
        "1 measurement was disturbed by others and made again (9s).",
        "2 of 8 measurements were not alone on the machine.",
        "widened by the machine's own noise: the machine was not quiet",
        "c was tuned on another build of e",
        "c does not report cached tokens",
        "a direction more than a size",
        "With a longer --budget the same command goes on.",
    ):
        assert words in text


BY_BLOCKS = "ended after 4 blocks (--blocks), which took 1m 23s"


@pytest.mark.parametrize(
    ("ended", "reached", "line"),
    [
        ("blocks", 0.08, f"{BY_BLOCKS}; intervals are within 8.0%"),
        ("budget", None, "ended: the budget does not hold another block, 4 blocks in 1m 23s"),
        ("stopped", 0.5, "stopped after 4 blocks; intervals are within 50%"),
        ("blocks", 2.0, f"{BY_BLOCKS}; intervals are within a factor of 3.0"),
        ("alone", None, "ended after 4 blocks: fewer than two arms are left to be measured"),
        (None, None, "not finished: 4 blocks so far"),
    ],
)  # fmt: skip
def test_why_it_ended(ended: str | None, reached: float | None, line: str) -> None:
    assert ended_line(document(ended=ended, reached=reached)) == line


def test_words_for_figures() -> None:
    assert could_see(verdict(smallest_seen=None)) == "–"
    assert could_see(verdict(smallest_seen=3.54)) == "3.54x"
    assert could_see(verdict(smallest_seen=1.123)) == "12%"
    assert interval(verdict(low=None)) == "–"
    assert metric_name("total_wait") == "total wait"


OPENED = Opened(
    folder="studies/x", arms=("a", "b"), serves={"a": "engine 1"}, sessions=2, turns=14,
    deepest_tokens=59151, until=0.05, blocks=4, budget_s=600.0, known=1, notes=("a note",),
)  # fmt: skip


@pytest.mark.parametrize("kind", ["plain", "rich", "none"])
def test_progress(kind: str) -> None:
    err = io.StringIO()
    console = Console(file=err, width=80, highlight=False, force_terminal=kind == "rich")
    with CompareDisplay(kind, console) as display:
        for event in (
            Surveying("llama-server"),
            OPENED,
            ArmStarted("a", 0, 14),
            ArmTurn("a", record_of("a", 0, 0, 1.0), 1),
            ArmEnded("a", 0, 9.4, None, 0.5),
            ArmStarted("b", 0, 14),
            ArmEnded("b", 0, 1.0, "crash: gone", None, "studies/x/logs/b.log"),
            BlockEnded(0, 0.12, 0.05, 90.0),
            BlockEnded(1, None, 0.05, None),
        ):
            display(event)
    text = err.getvalue()
    if kind == "none":
        assert text == ""
        return
    for words in (
        "counting the workload's prompts with llama-server",
        "arm       a: engine 1 (baseline)",
        "arm       b: failed",
        "until     intervals are within 5.0%, or 4 blocks are measured, or 10m 00s are spent",
        "known     1 block measured before",
        "block 1: a: TTFT 0.500 s, took 9s",
        "block 1: b: failed: crash: gone",
        "log: studies/x/logs/b.log",
        "block 1 done: intervals within 12.0% (until 5.0%), 1m 30s left",
        "block 2 done: no interval yet (until 5.0%)",
    ):
        assert words in text


def test_a_signal_is_answered_past_the_buffers(tmp_path: Path) -> None:
    with (tmp_path / "err").open("w") as err:
        display = CompareDisplay("plain", Console(file=err))
        display.stopping()
        display.stopping(at_once=True)
    lines = (tmp_path / "err").read_text().splitlines()
    assert lines[0].startswith("stopping: the arm under way finishes its block")
    assert lines[1] == "stopping at once"
