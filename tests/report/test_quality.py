"""What the end of a run says of quality."""

from __future__ import annotations

from typing import Any

from autotune.report.quality import SHOWN, figures_text, quality_lines

FIGURES: dict[str, Any] = {
    "positions": 256,
    "kl_p99": {"value": 0.0312, "low": 0.02, "high": 0.05},
    "kl_mean": {"value": 0.0041, "low": 0.003, "high": 0.005},
    "top1": {"value": 0.984, "low": 0.961, "high": 0.996},
    "calls": {"kept": 7, "broken": 1},
}


def refused(kv: str) -> dict[str, Any]:
    return {"settings": {"cache-type-k": kv}, "reasons": ["p99 KL 1.9 (1 to 3) above 0.25"]}


def test_figures_are_one_line() -> None:
    assert figures_text(FIGURES) == (
        "p99 KL 0.031 (0.02 to 0.05), mean 0.0041, top-1 98.4% (96.1% to 99.6%), "
        "7 of 8 tool calls kept, at 256 positions"
    )
    assert figures_text(None) == "not measured"
    assert "tool call" not in figures_text({**FIGURES, "calls": {}})


def test_the_winner_and_what_was_refused_are_named() -> None:
    told = {"winner": {"figures": FIGURES}, "refused": [refused("q4_0")], "seconds": 84.0}
    first, second, third = quality_lines(told)
    assert first.startswith("quality of the winner: p99 KL 0.031")
    assert second == "refused for quality: cache-type-k=q4_0: p99 KL 1.9 (1 to 3) above 0.25"
    assert third == "the quality guard took 1m 24s"


def test_many_refusals_are_counted() -> None:
    rows = [refused(str(at)) for at in range(SHOWN + 3)]
    lines = quality_lines({"winner": None, "refused": rows, "seconds": 1.0})
    assert len(lines) == SHOWN + 2
    assert lines[SHOWN] == "and 3 other sets of settings"


def test_a_run_without_a_guard_says_nothing() -> None:
    assert quality_lines(None) == []
