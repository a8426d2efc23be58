"""The config in use stays unless it was beaten; what is said of it, and as data."""

from __future__ import annotations

from typing import Any

from autotune.scoring.comparison import Comparison, Ratio
from autotune.scoring.objective import Objective
from autotune.search.confirm import Confirmed
from autotune.search.in_use import in_use_json, is_change, with_in_use
from autotune.search.outcome import best_arm

USED, NEW = "trial-0001", "trial-0006"


def compared(ratio: float, low: float, high: float, wait: float = 1.1) -> Comparison:
    fields: dict[str, Any] = {"pairs": 12, "sessions": 3, "unpaired": 0, "unit": "session"}
    metrics: dict[str, Any] = dict.fromkeys(("turn_s", "ttft", "decode"))
    total = Ratio(ratio=wait, low=None, high=None)
    return Comparison(
        objective=Objective.TURN, ratio=ratio, low=low, high=high, total_wait=total,
        **fields, **metrics,
    )  # fmt: skip


WINS = compared(1.3, 1.2, 1.4)
MORE = compared(1.5, 1.4, 1.6)
EVEN = compared(1.05, 0.98, 1.12)
SLOWER = compared(0.8, 0.7, 0.9)


def confirmed(
    by_default: dict[str, Comparison], over: dict[str, Comparison], used: str | None = USED
) -> Confirmed:
    return Confirmed({}, {}, by_default, 3, 1.0, in_use=used, over_in_use=over)


def told(found: Confirmed) -> tuple[str | None, bool, str]:
    name, _ = best_arm(found)
    return name, is_change(found, name), with_in_use("Verdict.", found, name)


def test_what_beats_both_is_recommended_and_both_are_told() -> None:
    found = confirmed({USED: WINS, NEW: MORE}, {NEW: compared(1.15, 1.08, 1.22)})
    assert told(found) == (
        NEW,
        True,
        "Verdict. It has 1.15x the speed (95% interval 1.08 to 1.22) of the config in use.",
    )
    assert in_use_json(found, NEW) == {
        "arm": USED, "stays": False, "beside": NEW,
        "over": {"ratio": 1.15, "low": 1.08, "high": 1.22},
    }  # fmt: skip


def test_what_beats_the_default_alone_changes_nothing() -> None:
    found = confirmed({USED: WINS, NEW: MORE}, {NEW: EVEN})
    name, change, words = told(found)
    assert (name, change) == (USED, False)
    assert words == (
        "The config in use stays: it has 1.30x the speed (95% interval 1.20 to 1.40) of the "
        "default. The best of the others has 1.05x the speed (95% interval 0.98 to 1.12) of it, "
        "which is not shown to be faster."
    )
    assert in_use_json(found, name) == {
        "arm": USED, "stays": True, "beside": NEW,
        "over": {"ratio": 1.05, "low": 0.98, "high": 1.12},
    }  # fmt: skip


def test_a_config_in_use_that_was_not_shown_to_beat_the_default_stays_all_the_same() -> None:
    found = confirmed({USED: EVEN, NEW: WINS}, {NEW: EVEN})
    assert told(found)[:2] == (USED, False)


def test_who_keeps_a_person_waiting_longer_has_not_beaten_it() -> None:
    found = confirmed({USED: WINS, NEW: MORE}, {NEW: compared(1.2, 1.1, 1.3, wait=0.9)})
    assert told(found)[:2] == (USED, False)


def test_where_it_was_the_best_nothing_else_is_told() -> None:
    found = confirmed({USED: WINS}, {"default": SLOWER})
    name, change, words = told(found)
    assert (name, change) == (USED, False)
    assert words.endswith("of the default. Nothing that was tried was faster.")
    assert in_use_json(found, name) == {
        "arm": USED, "stays": True, "beside": "default",
        "over": {"ratio": 0.8, "low": 0.7, "high": 0.9},
    }  # fmt: skip


def test_a_default_that_is_faster_than_the_config_in_use_is_a_change() -> None:
    found = confirmed({USED: SLOWER}, {"default": compared(1.25, 1.1, 1.4)})
    assert told(found) == (
        None,
        True,
        "Verdict. The default has 1.25x the speed (95% interval 1.10 to 1.40) of the config in "
        "use.",
    )


def test_a_config_in_use_that_failed_is_not_in_the_way() -> None:
    found = confirmed({NEW: WINS}, {})
    assert told(found) == (NEW, True, "Verdict.")
    assert in_use_json(found, NEW) is None


def test_without_one_everything_is_as_before() -> None:
    found = confirmed({NEW: WINS}, {}, used=None)
    assert told(found) == (NEW, True, "Verdict.")
    assert told(confirmed({NEW: EVEN}, {}, used=None)) == (None, False, "Verdict.")
