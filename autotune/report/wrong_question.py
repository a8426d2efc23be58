"""The usual benchmark beside the agent's sessions: what it would have picked, and what that costs.

Takes plain data, as a result on disk holds it, so that a study reads the same later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from autotune.report.text import changes, plural, times

NOT_ASKED = "The usual benchmark (short prompt, tokens per second) was not measured here."

_WHAT = "The usual benchmark (short prompt, tokens per second)"
_ALIKE = 1.02
"""Configs within 2% are one to a benchmark that is read by eye."""
_REPEATS = 0.5


def wrong_question(verdict: Mapping[str, Any] | None) -> Text | None:
    """`verdict` (a `ChartVerdict` as plain data) in a few sentences; ``None`` without one."""
    if verdict is None:
        return None
    said = [_pick(verdict), *_best(verdict), _agreement(verdict["agreement"])]
    if (verdict["picked"].get("repeated_share") or 0) > _REPEATS:
        said.append("Its reply there repeated itself, which flatters drafts.")
    return Text(" ".join(said))


def _pick(verdict: Mapping[str, Any]) -> str:
    """What it would have picked, there and here."""
    picked, default = verdict["picked"], verdict["default"]
    name, there = _name(picked), verdict["chart_gain"]
    if default is None:
        return f"{_WHAT} would have picked {name}: {picked['tokens_per_s']:.1f} tok/s there."
    if _same(picked, default):
        return f"{_WHAT} would have kept {name}."
    here = f"{times(there)} there, {times(verdict['agent_gain'])} on your sessions"
    if there < _ALIKE:
        return f"{_WHAT} hardly tells the configs apart; it would have picked {name}: {here}."
    return f"{_WHAT} would have picked {name}: {here}."


def _best(verdict: Mapping[str, Any]) -> list[str]:
    """Whether that is what the sessions prefer too, and what the difference costs."""
    picked, best = verdict["picked"], verdict["best"]
    if _same(picked, best):
        return ["Your sessions prefer the same."]
    gain = verdict["best_gain"]
    told = f" ({times(gain)})" if gain is not None and not best["is_default"] else ""
    return [f"They prefer {_name(best)}{told}: {verdict['cost'] - 1:.0%} of time lost."]


def _agreement(found: Mapping[str, Any]) -> str:
    tau, over = found["tau_b"], plural(found["n"], "config")
    if tau is None:
        return f"Rank agreement cannot be told over {over}: one of them sees no difference."
    low, high = found["low"], found["high"]
    span = "" if low is None else f" (95% interval {low:.2f} to {high:.2f})"
    few = ", directional" if found["directional"] else ""
    return (
        f"Rank agreement (Kendall's tau-b, 1 is the same order) {tau:.2f}{span} over {over}{few}."
    )


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["engine"], one["trial"]) == (other["engine"], other["trial"])


def _name(row: Mapping[str, Any]) -> str:
    """``trial 5 (ubatch-size=1024)``, with its engine where there are several."""
    if row["is_default"]:
        return f"{row['engine']}'s default" if row["engine"] else "the default"
    engine = f"{row['engine']} " if row["engine"] else ""
    what = changes(row["changes"]) if row["changes"] else "the defaults"
    return f"{engine}trial {row['trial']} ({what})"
