"""How a run ended: the verdict, the winner, and the files that say so."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from autotune import __version__
from autotune.candidate import Candidate
from autotune.errors import ExitCode
from autotune.launchers.habits import export_env, wanted_variables
from autotune.launchers.model_setting import with_model
from autotune.launchers.protocol import EXPORT_PORT, LaunchContext
from autotune.scoring.comparison import Statistic
from autotune.scoring.interval import Comparison
from autotune.scoring.score import Score
from autotune.search.confirm import DEFAULT_ARM, Confirmed
from autotune.search.depth_rows import rows_of_buckets
from autotune.search.events import BucketRow, Summary
from autotune.search.in_use import in_use_json, is_change, or_in_use, with_in_use
from autotune.search.layout import Layout
from autotune.search.ledger import Entry, Ledger, arm_name
from autotune.search.quality_store import quality_of, quality_summary
from autotune.search.resume import resume_command
from autotune.search.reuse import told_reuse
from autotune.search.setup import Setup
from autotune.search.space import to_settings
from autotune.search.usual import chart_verdict

if TYPE_CHECKING:
    from autotune.search.hold import Holding


@dataclass(frozen=True, slots=True)
class Outcome:
    """A summary, and what stands behind it. `is_final` is false for a run that was stopped."""

    summary: Summary
    winner: Entry | None
    comparison: Comparison | None
    confirmed: Confirmed | None
    ledger: Ledger
    is_final: bool
    holding: Holding | None = None


def decide(
    setup: Setup,
    layout: Layout,
    ledger: Ledger,
    confirmed: Confirmed | None,
    stopped: bool,
    holding: Holding | None = None,
) -> Outcome:
    """The verdict over what was measured."""
    if stopped:
        return _unfinished(setup, ledger, confirmed)
    if not ledger.ranked:
        return _nothing_ran(setup, ledger)
    if confirmed is None or (DEFAULT_ARM in confirmed.failed and not confirmed.comparisons):
        return _no_default(setup, ledger, confirmed)
    return with_holding(_compared(setup, layout, ledger, confirmed), holding)


def _summary(setup: Setup, ledger: Ledger, code: ExitCode, verdict: str, **more: Any) -> Summary:
    failed = sum(1 for e in ledger.measured if e.value is None)
    return Summary(
        study=setup.folder.name,
        study_dir=str(setup.folder.path),
        exit_code=int(code),
        verdict=verdict,
        trials=len(ledger.measured),
        failed=failed,
        **{"winner": None, "speedup": None, "interval": None, **more},
    )


def _unfinished(setup: Setup, ledger: Ledger, confirmed: Confirmed | None) -> Outcome:
    resume = resume_command(setup.request, setup.folder)
    best = ledger.best
    so_far = "" if best is None else f"; best so far is trial {best.number}, not confirmed"
    verdict = f"Stopped after {len(ledger.measured)} trials{so_far}."
    summary = _summary(setup, ledger, ExitCode.STOPPED_EARLY, verdict, resume=resume)
    return Outcome(summary, None, None, confirmed, ledger, is_final=False)


def _nothing_ran(setup: Setup, ledger: Ledger) -> Outcome:
    reasons = sorted({f"{e.failure}: {e.reason}" for e in ledger.measured})
    verdict = f"None of {len(ledger.measured)} trials could be measured."
    notes = tuple(reasons[:5])
    summary = _summary(setup, ledger, ExitCode.NO_FEASIBLE_TRIAL, verdict, notes=notes)
    return Outcome(summary, None, None, None, ledger, is_final=True)


def _no_default(setup: Setup, ledger: Ledger, confirmed: Confirmed | None) -> Outcome:
    reason = confirmed.failed[DEFAULT_ARM] if confirmed else _default_failure(ledger)
    verdict = "The engine's defaults could not be measured, so nothing can be proved against them."
    summary = _summary(setup, ledger, ExitCode.NO_FEASIBLE_TRIAL, verdict, notes=(reason,))
    return Outcome(summary, None, None, confirmed, ledger, is_final=True)


def _default_failure(ledger: Ledger) -> str:
    base = ledger.baseline
    return "they were never tried" if base is None else f"{base.failure}: {base.reason}"


def _compared(setup: Setup, layout: Layout, ledger: Ledger, confirmed: Confirmed) -> Outcome:
    name, comparison = best_arm(confirmed)
    notes = [dropped_note(arm, why, confirmed.blocks) for arm, why in confirmed.failed.items()]
    notes += disturbance_notes(confirmed)
    shown = _shown_arm(confirmed) if name is None else name
    before, after = (_score(layout, confirmed, a) for a in (DEFAULT_ARM, shown or DEFAULT_ARM))
    winner = next((e for e in ledger.ranked if arm_name(e.number) == name), None)
    entry = winner or ledger.baseline
    assert entry is not None  # a confirmation has measured the default
    closest = confirmed.comparisons.get(shown) if shown else None
    against = comparison or closest
    summary = _summary(
        setup,
        ledger,
        ExitCode.DONE if is_change(confirmed, name) else ExitCode.NOTHING_BETTER,
        with_in_use(verdict_text(layout, winner, against), confirmed, name),
        winner=winner.number if winner else None,
        speedup=against.ratio if against else None,
        interval=interval_of(against),
        changes=dict(winner.changes) if winner else {},
        before=figures(before),
        after=figures(after),
        buckets=rows_of_buckets(before, after),
        kinds_before=before.kinds if before else (),
        kinds_after=after.kinds if after else (),
        usual_chart=chart_verdict(ledger, seed=setup.request.seed),
        launch_command=shlex.join(export_argv(setup, entry)),
        quality=quality_summary(setup.folder.path, layout.space, entry.settings),
        reuse=told_reuse(
            setup.folder.path, default=DEFAULT_ARM, **{"tuned" if winner else "closest": shown}
        ),
        notes=tuple(notes),
        in_use=in_use_json(confirmed, name),
    )
    return Outcome(summary, winner, against, confirmed, ledger, is_final=True)


def with_holding(outcome: Outcome, holding: Holding | None) -> Outcome:
    """`outcome`, and what filling its winner showed."""
    if holding is None:
        return outcome
    return replace(outcome, summary=holding.told(outcome.summary), holding=holding)


def disturbance_notes(confirmed: Confirmed) -> list[str]:
    """That the machine was not quiet during the confirmation, with the first reason seen."""
    if not confirmed.disturbed:
        return []
    runs = len(confirmed.disturbed)
    return [
        f"the machine was not quiet in {runs} confirmation runs ({confirmed.disturbed[0]}): "
        "run again when it is to be sure"
    ]


def interval_of(comparison: Comparison | None) -> tuple[float, float] | None:
    """The bounds of a comparison, where both are known."""
    if comparison is None or comparison.low is None or comparison.high is None:
        return None
    return comparison.low, comparison.high


def best_arm(confirmed: Confirmed) -> tuple[str | None, Comparison | None]:
    """The arm that beat the default by most, and lost nothing in total waiting time.

    Where a config is in use, that one stays unless it was beaten as well.
    """
    good = [
        (c.ratio, name, c)
        for name, c in confirmed.comparisons.items()
        if c.wins and not c.loses_total_wait
    ]
    if not good:
        return None, None
    _, name, comparison = max(good, key=lambda row: row[:2])
    return or_in_use(confirmed, (name, comparison))


def dropped_note(arm: str, why: str, blocks: int) -> str:
    """What became of an arm that failed in the confirmation."""
    if arm != DEFAULT_ARM:
        return f"{arm} was dropped: {why}"
    whole = "one whole block" if blocks == 1 else f"{blocks} whole blocks"
    return f"the defaults failed after {whole}, which the verdict is of: {why}"


def _shown_arm(confirmed: Confirmed) -> str | None:
    """When nothing wins: the arm that came closest, to be shown beside the default."""
    rows = [(c.ratio, name) for name, c in confirmed.comparisons.items()]
    return max(rows)[1] if rows else None


def verdict_text(layout: Layout, winner: Entry | None, comparison: Comparison | None) -> str:
    """One sentence: what was found, by how much, and how sure that is."""
    what = _OBJECTIVES[layout.judge.objective.value]
    if comparison is None:
        return "No config beats the default: none was left to be confirmed."
    bounds = interval_of(comparison)
    span = "unknown" if bounds is None else f"{bounds[0]:.2f} to {bounds[1]:.2f}"
    where = "held-out sessions" if layout.held_out else "the searched sessions"
    paired = ", turn by turn" if comparison.statistic is Statistic.TURNS else ""
    sure = f"{comparison.level} interval {span}{paired}"
    speed = f"{comparison.ratio:.2f}x its speed in {what} ({sure}, on {where})"
    if winner is None:
        return f"No config beats the default: the best one has {speed}."
    return f"Trial {winner.number} beats the default: {speed}."


_OBJECTIVES = {"turn": "seconds per turn", "ttft": "TTFT", "decode": "decode rate"}


def _score(layout: Layout, confirmed: Confirmed, arm: str) -> Score | None:
    records = confirmed.records.get(arm)
    return layout.confirm_judge.score(records) if records else None


def figures(score: Score | None) -> dict[str, float | None]:
    """What a summary shows of a score; empty without one."""
    if score is None:
        return {}
    return {
        "turn_s": score.turn_s,
        "ttft_p50_s": score.ttft_p50_s,
        "ttft_p95_s": score.ttft_p95_s,
        "decode_p50_tps": score.decode_p50_tps,
        "total_wait_s": score.total_wait_s,
    }


def bucket_rows(layout: Layout, confirmed: Confirmed, arm: str) -> tuple[BucketRow, ...]:
    """Default against `arm`, a row for every depth bucket that has turns."""
    before, after = (_score(layout, confirmed, name) for name in (DEFAULT_ARM, arm))
    return rows_of_buckets(before, after)


def export_argv(setup: Setup, entry: Entry) -> tuple[str, ...]:
    """The command line a person runs: nothing private to a trial is in it."""
    return setup.launcher.export_argv(*_exported(setup, entry))


def _exported(setup: Setup, entry: Entry) -> tuple[Candidate, LaunchContext]:
    context = LaunchContext(
        model=setup.model_path,
        work_dir=setup.folder.path,
        log_path=setup.folder.logs / "export.log",
        trial_id="export",
        port=EXPORT_PORT,
    )
    return with_model(Candidate(entry.settings), context)


def _export_env(setup: Setup, entry: Entry) -> dict[str, str]:
    """The variables that go with `export_argv`: what pins the GPU, and what a manifest sets."""
    _, context = _exported(setup, entry)
    if setup.gpu is not None:
        context = replace(context, gpu_uuid=setup.gpu.uuid, gpu_pin=setup.gpu.pin)
    return dict(export_env(setup.launcher, context))


def write_result(setup: Setup, layout: Layout, outcome: Outcome) -> None:
    """``result.json``: the verdict with everything an export or a report needs."""
    base = outcome.ledger.baseline
    setup.folder.write_result(
        {
            "autotune_version": __version__,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "summary": asdict(outcome.summary),
            "objective": layout.judge.objective.value,
            "depth": layout.depth_label,
            "held_out": layout.held_out,
            "winner": config_of(setup, layout, outcome.winner),
            "baseline": config_of(setup, layout, base),
            "comparison": asdict(outcome.comparison) if outcome.comparison else None,
            "confirmed": confirmed_json(outcome.confirmed),
            "hold": outcome.holding.to_json() if outcome.holding else None,
        }
    )


def config_of(setup: Setup, layout: Layout, entry: Entry | None) -> dict[str, Any] | None:
    """A trial as a config: its changes, all its settings, and how it is launched."""
    if entry is None:
        return None
    base = to_settings(layout.space, layout.space.defaults)
    changed = {n: v for n, v in entry.settings.items() if base.get(n) != v}
    quality = [p for p in layout.space.parameters if p.quality and p.name in changed]
    return {
        "trial": entry.number,
        "value": entry.value,
        "settings": changed,
        "full_settings": dict(entry.settings),
        "argv": list(export_argv(setup, entry)),
        "env": _export_env(setup, entry),
        "wanted_variables": list(wanted_variables(setup.launcher)),
        "quality_changing": [p.name for p in quality],
        "quality": quality_of(setup.folder.path, layout.space, entry.settings),
    }


def confirmed_json(confirmed: Confirmed | None) -> dict[str, Any] | None:
    """A confirmation without its records, as plain data."""
    if confirmed is None:
        return None
    return {
        "blocks": confirmed.blocks,
        "seconds": confirmed.seconds,
        "failed": dict(confirmed.failed),
        "comparisons": {name: asdict(c) for name, c in confirmed.comparisons.items()},
    }
