"""The final summary, at 80 columns."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from autotune.report.summary import print_summary
from autotune.scoring.ranks import Charted, judge_chart
from autotune.scoring.warmth import KindScore
from autotune.search.events import Summary


def shown(summary: Summary, width: int = 80) -> str:
    stream = io.StringIO()
    print_summary(summary, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


def table_row(text: str, first: str) -> list[str]:
    """The cells of the row that begins with `first`."""
    (line,) = [line for line in text.splitlines() if line.strip().startswith(first)]
    return line.split()


def test_the_verdict_comes_first_and_the_gain_is_named_once(summary: Summary) -> None:
    lines = shown(summary).splitlines()
    assert lines[0] == "Trial 1 beats the default."
    assert lines[1] == "1.24x the default's speed, interval 1.21x to 1.33x"
    named = shown(replace(summary, verdict="Trial 1 is 1.24x as fast."))
    assert named.count("1.24x") == 2  # the verdict, and the row of a turn


def test_before_and_after_say_which_way_is_better(summary: Summary) -> None:
    text = shown(summary)
    assert table_row(text, "a turn, s")[-4:] == ["1.55", "1.25", "1.24x", "faster"]
    assert table_row(text, "decode p50, tok/s")[-4:] == ["22.1", "33.1", "1.50x", "faster"]
    assert table_row(text, "TTFT p95, s")[-4:] == ["2.00", "2.20", "1.10x", "slower"]
    assert table_row(text, "odd_s") == ["odd_s", "–", "1.00", "–"]


def test_each_depth_bucket_has_a_row(summary: Summary) -> None:
    text = shown(summary)
    found = text.splitlines()
    at = next(i for i, line in enumerate(found) if line.startswith("0-10k"))
    assert [line.split() for line in found[at : at + 4]] == [
        ["0-10k", "40", "default", "0.900", "5.20", "1m", "32s", "22.1", "80%", "2/3/38"],
        ["tuned", "0.700", "1.20", "1m", "02s", "30.1", "93%", "2/0/38"],
        ["10-30k", "8", "default", "4.90", "–", "–", "12.1", "–", "–"],
        ["tuned", "3.70", "–", "–", "120", "0%", "–"],
    ]


def test_cold_partial_and_warm_turns_have_a_row_each(summary: Summary) -> None:
    found = shown(summary).splitlines()
    at = next(i for i, line in enumerate(found) if line.startswith("cold "))
    assert [line.split() for line in found[at : at + 5]] == [
        ["cold", "default", "2", "4.90", "5.10", "11s"],
        ["tuned", "2", "4.90", "5.10", "11s"],
        ["partial", "default", "3", "2.00", "3.00", "8s"],
        ["warm", "default", "38", "0.700", "0.900", "51s"],
        ["tuned", "38", "0.700", "0.900", "51s"],
    ]
    unknown = (KindScore("unknown", 40, 0.9, 1.0, 60.0),)
    silent = shown(replace(summary, kinds_before=unknown, kinds_after=unknown))
    assert "By what was reused" not in silent


def test_the_usual_benchmark_is_told_where_it_was_asked(summary: Summary) -> None:
    rows = (
        Charted(trial=0, tokens_per_s=20.0, value_s=2.0, is_default=True),
        Charted(trial=5, tokens_per_s=38.0, value_s=2.5, changes={"n": 1}),
    )
    text = shown(replace(summary, usual_chart=judge_chart(rows)))
    told = " ".join(text.split())
    assert "would have picked trial 5 (n=1): 1.90x there, 0.80x on your sessions." in told
    assert "usual benchmark" not in shown(summary)


def test_everything_but_what_is_copied_fits_80_columns(summary: Summary) -> None:
    copied = (summary.launch_command or "", *summary.exports)
    lines = [line for line in shown(summary).splitlines() if line.strip() not in copied]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("width", [40, 80, 200])
def test_commands_and_paths_are_never_broken(summary: Summary, width: int) -> None:
    lines = shown(replace(summary, resume="autotune run " + "x" * 90), width).splitlines()
    assert f"  {summary.launch_command}" in lines
    assert f"  {summary.exports[0]}" in lines
    assert f"  autotune run {'x' * 90}" in lines


def test_where_the_time_went(summary: Summary) -> None:
    text = " ".join(shown(summary).split())
    assert (
        "12 trials, 1 failed in 8m 50s: trials 6m 40s, confirmation 2m 10s. Study: studies/tiny"
    ) in text
    assert "note: the machine was noisy in 2 trials" in text
    bare = " ".join(shown(replace(summary, seconds={}, failed=0)).split())
    assert "12 trials. Study: studies/tiny" in bare


def test_nothing_won(summary: Summary) -> None:
    text = shown(replace(summary, winner=None, exit_code=1, changes={}, speedup=None))
    assert "default against closest" in text
    assert "The defaults, written out:" in text
    assert "What changed" not in text


def test_markup_in_a_value_is_text(summary: Summary) -> None:
    assert "[red]x[/red]" in shown(replace(summary, verdict="[red]x[/red]"))
