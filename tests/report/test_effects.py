"""The winner's changes in words."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

from rich.console import Console

from autotune.report.effects import (
    effects_lines,
    effects_table,
    importance_line,
    needless_words,
)
from autotune.report.lines import activity, confirm_block, confirm_start
from autotune.report.state import RunState
from autotune.report.summary import print_summary
from autotune.search.events import ConfirmBlock, ConfirmStarted, Summary, TrialStarted


def row(name: str, old: Any, new: Any, ratio: float | None, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "before": old, "after": new, "settings": {name: [old, new]},
        "ratio": ratio, "low": None, "high": None, "source": "measured",
        "basis": "runs of their own, interleaved", "pairs": 9, "failure": None, **more,
    }  # fmt: skip


EFFECTS = (
    row("kv-offload", True, False, None, failure="out-of-memory: no room"),
    row("batch-size", 2048, 4096, 1.3, low=1.25, high=1.35),
    row("threads", 4, 8, 1.05, low=0.98, high=1.12, source="estimate"),
)
PAIR = {
    **row("drafts, draft-n", "none, left out", "a, 4", 1.1),
    "settings": {"drafts": ["none", "a"], "draft-n": [None, 4]},
}
IMPORTANCE = {
    "shares": {"batch-size": 0.7, "threads": 0.26, "poll": 0.04}, "configs": 34, "best": 5,
    "stopped": 3,
}  # fmt: skip


def text(renderable: Any, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_row_a_change_says_what_it_was_is_and_is_worth() -> None:
    shown = text(effects_table(EFFECTS))
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "batch-size 2048 4096 1.30x 1.25x to 1.35x" in lines
    assert "threads 4 8 1.05x 0.98x to 1.12x, estimate" in lines
    assert "kv-offload on off needed without it: out-of-memory: no room" in lines
    assert "the search's guess" in shown
    assert "guess" not in text(effects_table(EFFECTS[:2]))
    assert effects_table(()) is None


def test_what_belongs_together_is_one_row_of_several_lines() -> None:
    lines = [" ".join(line.split()) for line in text(effects_table([PAIR])).splitlines()]
    at = lines.index("drafts none a 1.10x –")
    assert lines[at + 1] == "draft-n left out 4"


def test_what_is_left_out_and_what_matters_are_a_line_each() -> None:
    needless = [row("poll", 0, 50, None), PAIR]
    assert needless_words(needless) == "poll=50, drafts=a, draft-n=4"
    told = list(effects_lines({"needless": needless, "importance": IMPORTANCE}))
    assert told == [
        "left out, as they do nothing: poll=50, drafts=a, draft-n=4",
        "what set the best 5 of 34 configs apart (PED-ANOVA): batch-size 70%, threads 26%",
    ]
    assert list(effects_lines({"needless": (), "importance": None})) == []
    flat = {**IMPORTANCE, "shares": {"a": 0.01}}
    assert importance_line(flat).endswith("no setting more than others")


def test_the_summary_shows_the_table_in_place_of_the_changes() -> None:
    base = Summary("s", "d", 0, "Won.", 3, 1.3, None, changes={"batch-size": 4096})
    made = Summary(**{**asdict(base), "effects": EFFECTS, "needless": (row("poll", 0, 50, 1.0),)})
    console = Console(file=io.StringIO(), width=100)
    print_summary(made, console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "what each change is worth" in shown
    assert shown.count("batch-size") == 1
    assert "left out, as they do nothing: poll=50" in shown


def test_while_it_is_measured_it_is_called_what_it_is() -> None:
    started = ConfirmStarted(
        ("trial-0003", "without-2", "without-poll"), 2, False, 3, "trial-0003", "effects"
    )
    assert confirm_start(started) == (
        "what each change is worth: trial-0003 against itself without-2, without-poll, "
        "2 sessions, up to 3 blocks each"
    )
    state = RunState(lambda: 0.0)
    state.apply(started)
    assert activity(state).startswith("measuring each change, run 1/9")
    block = ConfirmBlock("without-2", 0, 1.5)
    state.apply(block)
    assert confirm_block(block, state) == "effects 1/9  without-2 block 0: 1.50 s/turn"
    # The trial of the smaller config comes after it.
    state.apply(TrialStarted(4, {"batch-size": 4096}, "fewer: trial-0003 without poll"))
    assert activity(state).startswith("trial #4")
