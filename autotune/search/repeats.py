"""Trials that are not measured because what they would show is known, and how a trial is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from autotune.candidate import Candidate
from autotune.search.budget import Budget
from autotune.search.events import TrialFinished
from autotune.search.judge import Judged
from autotune.search.ledger import DUPLICATE, Entry, Ledger
from autotune.trial.measurement import Measurement, TrialSeconds

if TYPE_CHECKING:
    from optuna import Trial


def runs_as(number: int) -> str:
    """Why a config was not measured, in words: trial `number` was."""
    return f"the engine runs it as trial {number}"


def repeat(
    trial: Trial,
    known: Entry,
    candidate: Candidate,
    changes: dict[str, Any],
    launched: Measurement | None = None,
) -> Entry:
    """Equal settings are never measured twice: the sampler is told what is known.

    `launched` is the launch that showed that the engine runs `candidate` as it ran `known`.
    """
    seconds = launched.seconds if launched else TrialSeconds()
    reason = known.reason if known.key == candidate.key else runs_as(known.number)
    for name, value in (
        ("same_as", known.number), ("value", known.value), ("reason", reason),
        ("seconds", asdict(seconds)), ("outcome", DUPLICATE),
    ):  # fmt: skip
        trial.set_user_attr(name, value)
    return Entry(
        trial.number, candidate.key, DUPLICATE, known.value, trial.user_attrs.get("label", ""),
        candidate.settings, changes, known.metrics, seconds.total_s, known.failure, reason,
        dict(trial.params),
    )  # fmt: skip


def finished(
    entry: Entry, judged: Judged, log: str | None, ledger: Ledger, budget: Budget
) -> TrialFinished:
    """What is told of a trial that has ended and is in `ledger`."""
    best = ledger.best
    # A partial score is over other turns than the rest: its figures compare with nothing.
    score = None if judged.partial else judged.score
    return TrialFinished(
        number=entry.number,
        changes=dict(entry.changes),
        turn_s=score.turn_s if score else None,
        ttft_p50_s=score.ttft_p50_s if score else None,
        ttft_p95_s=score.ttft_p95_s if score else None,
        decode_p50_tps=score.decode_p50_tps if score else None,
        total_wait_s=score.total_wait_s if score else None,
        kinds=score.kinds if score else (),
        value=entry.value,
        seconds=entry.seconds,
        failure=entry.failure,
        reason=entry.reason,
        log_path=log,
        stopped_early=judged.partial,
        is_best=best is not None and best.key == entry.key,
        best_number=best.number if best else None,
        best_value=best.value if best else None,
        seconds_left=budget.seconds_left(ledger),
        trials_done=len(ledger.measured),
    )
