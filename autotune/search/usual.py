"""The usual chart over a study: what its trials said there, beside what they are worth here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autotune.scoring.ranks import Charted, ChartVerdict, judge_chart, median_or_none
from autotune.search.ledger import Entry, Ledger, is_trial_arm
from autotune.search.queue import DEFAULT
from autotune.trial.usual_chart import NAME, UsualChart


def usual_chart() -> UsualChart:
    """The question, for trials of a search only: a confirmation repeats the same configs."""
    return UsualChart(wanted=is_trial_arm)


def chart_verdict(ledger: Ledger, *, seed: int = 0) -> ChartVerdict | None:
    """The verdict over the whole trials of one study; ``None`` where fewer than two were asked."""
    return verdict_of({None: ledger}, None, seed=seed)


def verdict_of(
    engines: Mapping[str | None, Ledger], baseline: str | None, *, seed: int = 0
) -> ChartVerdict | None:
    """The same over several engines; what all are compared with is `baseline`'s default."""
    rows = [
        replace(row, is_default=row.is_default and engine == baseline)
        for engine, ledger in engines.items()
        for row in charted(ledger, engine)
    ]
    verdict = judge_chart(rows, seed=seed)
    if verdict is None:
        return None
    told = [e for ledger in engines.values() for e in ledger.entries if _figures(e)]
    return replace(
        verdict,
        chart_s=median_or_none([_figures(e).get("seconds") for e in told]),
        trial_s=median_or_none([e.seconds for e in told]),
    )


def charted(ledger: Ledger, engine: str | None = None) -> list[Charted]:
    """A row for each config that was measured whole and has the chart's figure, in trial order.

    A config that was measured more than once stands with the median of its figures.
    """
    keys = dict.fromkeys(entry.key for entry in ledger.entries)
    looks = ([e for e in ledger.looks(k) if _figures(e).get("tokens_per_s")] for k in keys)
    return [_row(found, engine) for found in looks if found]


def _row(looks: Sequence[Entry], engine: str | None) -> Charted:
    first, figures = looks[0], [_figures(entry) for entry in looks]
    rate, value = (
        median_or_none([f["tokens_per_s"] for f in figures]),
        median_or_none([entry.value for entry in looks]),
    )
    assert rate is not None  # `charted` takes those that have both
    assert value is not None
    return Charted(
        trial=first.number,
        tokens_per_s=rate,
        value_s=value,
        is_default=any(entry.label == DEFAULT for entry in looks),
        engine=engine,
        changes=dict(first.changes),
        prefill_tokens_per_s=median_or_none([f.get("prefill_tokens_per_s") for f in figures]),
        repeated_share=median_or_none([f.get("repeated_share") for f in figures]),
    )


def _figures(entry: Entry) -> Mapping[str, Any]:
    """What the chart said of a trial; empty where it was not asked."""
    return entry.extras.get(NAME) or {}
