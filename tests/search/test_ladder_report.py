"""What a study's rungs cost and how far they could be trusted; numbers worked out by hand."""

from __future__ import annotations

import pytest
from rung_plans import ledger_of, look, rungs, trial

from autotune.search.ladder_report import MISLEADS, NOT_ASKED, SAVES_LITTLE, ladder_report
from autotune.search.ledger import STOPPED
from autotune.search.rung_looks import CHECKED, DROPPED, LOST, PROMOTED, RungLook
from autotune.search.rungs import SESSIONS


def of_the_plan(shift: float) -> RungLook:
    return look(shift, rung=SESSIONS, seconds=0.0)


BASE = trial(0, 1.0, look(0.0), of_the_plan(0.0), label="default")


def test_a_row_counts_whom_a_rung_ended_and_what_it_took() -> None:
    rows = [
        BASE,
        trial(1, 1.2, look(0.3, verdict=DROPPED), outcome=STOPPED, seconds=20.0),
        trial(2, 1.5, look(0.9, verdict=LOST, seconds=5.0), outcome=STOPPED, seconds=15.0),
        trial(3, 1.1, look(0.2, verdict=CHECKED)),
        trial(4, 0.9, look(-0.1, verdict=PROMOTED), of_the_plan(-0.1)),
    ]
    deep, sessions = ladder_report(rungs(), ledger_of(rows))
    assert (deep["rung"], deep["asked"], deep["ended"], deep["checked"]) == ("deep", 5, 2, 1)
    assert deep["seconds"] == 45.0
    assert deep["share"] == pytest.approx(45 / (120 + 20 + 15 + 120 + 120))
    assert (deep["configs"], deep["tau"], deep["why_not"]) == (2, 1.0, None)
    assert (sessions["rung"], sessions["asked"], sessions["seconds"]) == ("sessions", 2, 0.0)


def test_it_says_why_a_rung_is_not_used() -> None:
    deep, sessions = ladder_report(rungs(), ledger_of([trial(0, 1.0, label="default")]))
    assert sessions["why_not"] == NOT_ASKED
    assert deep["why_not"] in {NOT_ASKED, SAVES_LITTLE}
    dear = trial(0, 1.0, look(0.0, seconds=50.0), label="default", seconds=160.0)
    assert ladder_report(rungs(), ledger_of([dear]))[0]["why_not"] == SAVES_LITTLE
    against = [trial(n, 2.0 ** (-n / 10), look(n / 10, verdict=PROMOTED)) for n in range(1, 9)]
    deep, _ = ladder_report(rungs(), ledger_of([BASE, *against]))
    assert (deep["why_not"], deep["tau"]) == (MISLEADS, -1.0)


def test_a_study_without_rungs_has_no_row() -> None:
    assert ladder_report((), ledger_of([BASE])) == ()
