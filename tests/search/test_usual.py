"""The usual chart over a ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from formula import Bench, FormulaMeasurer

from autotune.candidate import Candidate
from autotune.search.ledger import COMPLETE, INFEASIBLE, STOPPED, Entry, Ledger, arm_name
from autotune.search.request import RunRequest
from autotune.search.resume import request_words
from autotune.search.usual import chart_verdict, charted, usual_chart, verdict_of
from autotune.trial.measurement import Measurement


def entry(number: int, value: float | None, tps: float | None, **more: Any) -> Entry:
    figures = {"tokens_per_s": tps, "prefill_tokens_per_s": 500.0, "seconds": 2.0}
    usual: dict[str, Any] = {
        "key": f"k{number}",
        "outcome": COMPLETE,
        "label": "",
        "changes": {"n": number},
        "extras": {"usual_chart": figures},
    }
    fields = {**usual, **more}
    return Entry(
        number=number, value=value, settings={}, metrics={}, seconds=40.0, failure=None,
        reason=None, **fields,
    )  # fmt: skip


def ledger(*entries: Entry) -> Ledger:
    made = Ledger()
    for one in entries:
        made.add(one)
    return made


ENTRIES = (
    entry(0, 2.0, 20.0, label="default", changes={}),
    entry(1, 1.6, 22.0),
    entry(2, 2.5, 38.0),
    entry(3, None, None, outcome=INFEASIBLE, extras={}),
    entry(4, 1.4, 90.0, outcome=STOPPED),  # an estimate: it stands for nothing here
    entry(5, 1.5, None),  # the chart failed there
    entry(6, 1.8, 24.0, key="k1"),  # a second look at the same settings
)


def test_whole_trials_stand_with_the_median_of_their_looks() -> None:
    rows = charted(ledger(*ENTRIES))
    assert [(r.trial, r.tokens_per_s, r.value_s, r.is_default) for r in rows] == [
        (0, 20.0, 2.0, True),
        (1, 23.0, pytest.approx(1.7), False),
        (2, 38.0, 2.5, False),
    ]
    assert rows[1].changes == {"n": 1}


def test_the_verdict_has_the_pick_and_what_asking_cost() -> None:
    verdict = chart_verdict(ledger(*ENTRIES))
    assert verdict is not None
    assert (verdict.picked.trial, verdict.best.trial) == (2, 1)
    assert verdict.chart_gain == pytest.approx(1.9)
    assert verdict.agent_gain == pytest.approx(0.8)
    assert (verdict.chart_s, verdict.trial_s) == (2.0, 40.0)
    assert chart_verdict(ledger()) is None
    assert chart_verdict(ledger(*(entry(n, 1.0, 1.0, extras={}) for n in range(3)))) is None


def test_several_engines_are_compared_with_the_default_of_one() -> None:
    base = entry(0, 2.0, 20.0, label="default")
    other = entry(0, 2.5, 30.0, label="default")
    verdict = verdict_of({"a": ledger(base), "b": ledger(other)}, "a")
    assert verdict is not None
    assert verdict.default is not None
    assert (verdict.default.engine, verdict.picked.engine, verdict.best.engine) == ("a", "b", "a")
    assert (verdict.chart_gain, verdict.agent_gain) == (1.5, 0.8)


def test_trials_of_the_search_are_asked_and_confirmations_are_not() -> None:
    wanted = usual_chart().wanted
    assert wanted(arm_name(7))
    assert not wanted("confirm-0012-trial-0007")
    assert not wanted("heat-0012-trial-0007")
    assert not wanted("survey")


@dataclass
class Asked(FormulaMeasurer):
    """Its chart likes small batches."""

    def measure(self, candidate: Candidate, *args: Any, **named: Any) -> Measurement:
        found = FormulaMeasurer.measure(self, candidate, *args, **named)
        batch = float(candidate.settings["batch-size"])
        figures = {"tokens_per_s": 1e4 / batch, "seconds": 1.0}
        return replace(found, extras={"usual_chart": figures}) if found.whole else found


def test_answers_are_on_disk_and_read_back_by_a_run_that_goes_on(bench: Bench) -> None:
    first = chart_verdict(bench.run(Asked(), 6))
    assert first is not None
    assert first.agreement.n >= 3
    assert first.picked.tokens_per_s == max(
        row.tokens_per_s for row in charted(bench.run(Asked(), 6))
    )
    rows = [row for row in bench.folder.read_trials() if row["state"] == "complete"]
    assert rows
    assert all(row["extras"]["usual_chart"]["seconds"] == 1.0 for row in rows)
    assert chart_verdict(bench.run(Asked(), 6)) == first


def test_a_resumed_command_says_that_the_chart_is_not_wanted() -> None:
    request = RunRequest(workload=Path("captures"), usual_chart=False)
    assert "--no-usual-chart" in request_words(request)
    assert not any("usual-chart" in w for w in request_words(replace(request, usual_chart=True)))
