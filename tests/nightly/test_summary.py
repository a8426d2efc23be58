"""A night in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.nightly.night_record import (
    CanaryNote,
    HookNote,
    Night,
    Outcome,
    PromotionNote,
    TuningNote,
)
from autotune.nightly.summary import night_markdown, night_title, outcome_words


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has the machine's own clock."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_the_title_says_what_came_of_it(
    full_night: Night, make_night: Callable[..., Night]
) -> None:
    assert night_title(full_night) == "coder: a new config is live (1.31x)"
    assert night_title(make_night()) == "coder: nothing changed"
    kept = make_night(outcome=Outcome.KEPT, tuning=TuningNote(study="s", speedup=1.01))
    assert night_title(kept) == "coder: tuned again, the config in use stays"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_words(outcome: Outcome) -> None:
    assert outcome_words(outcome)


def test_a_short_night_is_a_short_page(make_night: Callable[..., Night]) -> None:
    assert night_markdown(make_night()) == (
        "# coder: nothing changed\n\n"
        "Nothing changed since generation 3.\n\n"
        "- night: 2026-11-23 02:30 UTC, 1m 35s\n"
        "- decided: –\n"
        "- live: –\n\n"
        "## What changed\n\n"
        "Nothing.\n"
    )


def test_the_page_tells_all_of_a_whole_night(full_night: Night) -> None:
    page = night_markdown(full_night)
    for line in (
        "- decided: retune, because the model changed; the driver changed",
        "- live: generation 4",
        "| model | sha256:aaaa | sha256:bbbb |",
        "| driver | unknown | 580.1 |",
        "12 sessions, 3 new, 1 aged out.",
        "Slower than it was, by more than two runs differ.",
        "| seconds now / then | 1.12x (1.05 to 1.20) |",
        "| engine's defaults, now / then | 1.01x |",
        "| two runs of one config differ by up to | 1.04x |",
        "| drifted | yes |",
        r"| `cache-reuse` | `256` | unknown \| flag |",
        "Trial 7 wins.",
        "| study | `nightly-coder-2026-11-23T02-30-11Z` |",
        "| budget | 1h 00m |",
        "| trials | 21, 2 failed |",
        "| begun with | `demo` |",
        "| best against what was in use | 1.31x (1.20 to 1.44) |",
        "| settings of the best | `batch-size=512`, `kv-unified=off` |",
        "## Promoted",
        "| generation | 4, after 3 |",
        "| exports | `/srv/llama.ini` |",
        "| health | answered in 0.4s as exported |",
        "| `batch-size` | `2048` | `512` |",
        "| `kv-unified` | engine's default | `off` |",
        "| before | 0 | 0.4s | – |",
        "| after | ended | 1m 01s | took too long |",
        "| tuning | 1h 00m |",
        "| together | 1h 01m |",
        "- the clock of the GPU was not fixed",
    ):
        assert line in page.splitlines(), line


def test_absent_figures_have_no_row(make_night: Callable[..., Night]) -> None:
    page = night_markdown(
        make_night(
            canary=CanaryNote(turns=0, ratio=None, drifted=False),
            tuning=TuningNote(study="s"),
            promotion=PromotionNote(promoted=False, why="nothing beat it"),
            hooks=(HookNote(name="before", code=1, seconds=0.0, said="no\nsuch unit"),),
        )
    )
    assert "0.00x" not in page
    assert "seconds now" not in page
    assert "## Not promoted\n\nNothing beat it.\n" in page
    assert "| before | 1 | 0.0s | no such unit |" in page


def test_what_to_do_stands_on_top(make_night: Callable[..., Night]) -> None:
    night = make_night(outcome=Outcome.FAILED, why="no model", hint="put one there")
    assert night_markdown(night).splitlines()[2:5] == ["No model.", "", "What to do: put one there"]
