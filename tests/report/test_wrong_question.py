"""What is said of the usual benchmark."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from autotune.report.wrong_question import wrong_question
from autotune.scoring.ranks import Charted, judge_chart


def row(trial: int, tps: float, value_s: float, **more: Any) -> Charted:
    changes = {} if more.get("is_default") else {"n": trial}
    return Charted(trial=trial, tokens_per_s=tps, value_s=value_s, **{"changes": changes, **more})


def said(*rows: Charted) -> str:
    verdict = judge_chart(rows)
    assert verdict is not None
    text = wrong_question(asdict(verdict))
    assert text is not None
    return text.plain


BASE = row(0, 20.0, 2.0, is_default=True)


def test_another_pick_and_its_price() -> None:
    text = said(BASE, row(1, 22.0, 1.6), row(2, 10.0, 1.9), row(5, 38.0, 2.15))
    assert text.startswith(
        "The usual benchmark (short prompt, tokens per second) would have picked trial 5 (n=5): "
        "1.90x there, 0.93x on your sessions. They prefer trial 1 (n=1) (1.25x): 34% of time lost. "
        "Rank agreement (Kendall's tau-b, 1 is the same order) -0.33 (95% interval -1.00 to "
    )
    assert text.endswith(" over 4 configs, directional.")


def test_the_same_pick() -> None:
    text = said(BASE, row(1, 30.0, 1.6))
    assert "would have picked trial 1 (n=1): 1.50x there, 1.25x on your sessions. Your" in text
    assert "Your sessions prefer the same." in text
    assert text.endswith("1.00 over 2 configs, directional.")


def test_the_default_as_its_pick() -> None:
    text = said(BASE, row(1, 15.0, 1.6))
    assert "would have kept the default. They prefer trial 1 (n=1) (1.25x): 25% of time" in text


def test_a_chart_that_tells_nothing_apart_and_a_reply_that_repeats_itself() -> None:
    text = said(BASE, row(1, 20.2, 1.6, repeated_share=0.8))
    assert "hardly tells the configs apart; it would have picked trial 1 (n=1): 1.01x" in text
    assert text.endswith("Its reply there repeated itself, which flatters drafts.")
    flat = said(row(1, 20.0, 1.6), row(2, 20.0, 1.7))
    assert "Rank agreement cannot be told over 2 configs" in flat
    assert "would have picked trial 1 (n=1): 20.0 tok/s there." in flat


def test_engines_are_named_and_without_figures_nothing_is_said() -> None:
    text = said(row(0, 20.0, 2.0, is_default=True, engine="a"), row(0, 30.0, 2.5, engine="b"))
    assert "picked b trial 0 (n=0): 1.50x" in text
    assert "They prefer a's default: 25% of time lost." in text
    assert wrong_question(None) is None
