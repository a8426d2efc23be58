"""Rungs in words."""

from __future__ import annotations

from typing import Any

from autotune.report.ladder import ladder_lines

ROW: dict[str, Any] = {
    "rung": "deep", "turns": 10, "ahead": True, "asked": 30, "ended": 12, "checked": 2, "beyond": 0,
    "seconds": 125.0, "share": 0.08, "configs": 15, "tau": 0.71, "low": 0.5, "high": 0.88,
    "spread": 0.04, "why_not": None,
}  # fmt: skip


def test_a_rung_says_whom_it_ended_what_it_cost_and_how_far_it_is_trusted() -> None:
    (line,) = ladder_lines([ROW])
    assert line == (
        "rung of a few turns at depth (10 turns): ended 12 of 30 trials, cost 2m 05s (8% of all "
        "trials), orders 15 configs as the whole plan does with tau 0.71, 0.50 to 0.88, wrong "
        "about two configs by 4.1%"
    )


def test_the_first_sessions_cost_nothing_and_too_few_configs_say_so() -> None:
    (line,) = ladder_lines(
        [{**ROW, "rung": "sessions", "ahead": False, "tau": None, "seconds": 0.0, "asked": 1}]
    )
    assert line == (
        "rung of the first sessions (10 turns): ended 12 of 1 trial, cost nothing, too few configs "
        "went on to tell how far it can be trusted"
    )


def test_those_that_it_does_not_decide_on_are_counted() -> None:
    (line,) = ladder_lines([{**ROW, "beyond": 7}])
    assert "ended 12 of 30 trials, 7 not its to decide, cost" in line


def test_a_rung_that_is_not_used_says_why() -> None:
    unused = {**ROW, "asked": 0, "why_not": "saves-little"}
    (line,) = ladder_lines([unused])
    assert line.endswith("not used: beside loading and the plan it saves too little")
    (line,) = ladder_lines([{**ROW, "why_not": "misleads", "engine": "vllm"}])
    assert line.startswith("vllm: rung of a few turns at depth")
    assert line.endswith("it orders configs otherwise than the whole plan")
    assert list(ladder_lines([{**unused, "why_not": "not-asked"}])) == []
