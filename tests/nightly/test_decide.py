"""What a night is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from prints import A_PRINT

from autotune.nightly.decide import Action, after_drift, canary_due, decide
from autotune.nightly.night_record import CanaryNote, Night, TuningNote
from autotune.nightly.targets import CanaryRule

CANARY = CanaryNote(turns=8, ratio=1.0, drifted=False)


def test_what_was_never_tuned_is_tuned() -> None:
    decision = decide(None, A_PRINT, canary_due=True)
    assert (decision.action, decision.reasons) == (Action.TUNE_FIRST, ("it was never tuned",))
    assert decision.tunes


def test_a_change_is_a_reason_and_is_named() -> None:
    now = replace(A_PRINT, driver="590.2", engine_version="b2", engine_sha256="e" * 64)
    decision = decide(A_PRINT, now, canary_due=True)
    assert decision.action is Action.RETUNE
    assert [change.name for change in decision.changes] == ["engine build", "driver"]
    assert decision.reasons[1] == "the driver: 580.1 is now 590.2"
    assert decision.tunes


def test_without_one_there_is_a_canary_when_it_is_time() -> None:
    assert decide(A_PRINT, A_PRINT, canary_due=True).action is Action.CANARY
    nothing = decide(A_PRINT, A_PRINT, canary_due=False)
    assert nothing.action is Action.NOTHING
    assert not nothing.tunes


def test_drift_is_a_reason_too() -> None:
    decision = after_drift(decide(A_PRINT, A_PRINT, canary_due=True), "1.4x slower")
    assert (decision.action, decision.reasons) == (Action.RETUNE, ("1.4x slower",))


@pytest.mark.parametrize(
    ("every", "past", "due"),
    [
        (0, [], False),
        (1, [], True),
        (1, ["canary"], True),
        (2, ["canary"], False),
        (2, ["nothing", "canary"], True),
        (3, ["skipped", "tuned"], False),
        (3, ["skipped", "skipped", "tuned"], True),
        (5, ["skipped"], True),
        (2, ["disturbed"], True),
        (3, ["disturbed", "canary"], False),
        (3, ["broken"], False),
    ],
)
def test_when_it_is_time(
    make_night: Callable[..., Night], every: int, past: list[str], due: bool
) -> None:
    facts: dict[str, dict[str, Any]] = {
        "canary": {"canary": CANARY},
        "disturbed": {"canary": CanaryNote(turns=0, ratio=None, drifted=False)},
        "broken": {"canary": CanaryNote(turns=0, ratio=None, drifted=True)},
        "tuned": {"tuning": TuningNote(study="s")},
    }
    nights = [make_night(-day, **facts.get(what, {})) for day, what in enumerate(past)]
    assert canary_due(CanaryRule(every=every), nights) is due
