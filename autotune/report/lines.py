"""Sentences about a run that more than one display says."""

from __future__ import annotations

from autotune.report.state import RunState
from autotune.report.text import changes, duration, number, plural, times
from autotune.search.confirm import DEFAULT_ARM
from autotune.search.events import ConfirmBlock, ConfirmStarted, Prepared, TrialFinished

STOPPING = "stopping after this trial; press Ctrl-C again to stop at once"
STOPPING_NOW = "stopping the engine"


def header(event: Prepared) -> list[tuple[str, str]]:
    """What is tuned, on what, with which workload, and how long: names and facts."""
    return [
        ("study", f"{event.study} in {event.study_dir}{_continued(event)}"),
        ("engine", f"{event.engine} {event.engine_version}"),
        ("model", event.model),
        ("GPU", event.gpu),
        ("workload", _workload(event)),
        ("search", f"{plural(event.parameters, 'parameter')}, {_bounds(event)}"),
        *(("note", note) for note in event.notes),
    ]


def _workload(event: Prepared) -> str:
    sessions = plural(event.workload_sessions, "session")
    held_out = f" ({event.held_out_sessions} held out)" if event.held_out_sessions else ""
    turns = plural(event.workload_turns, "turn")
    return (
        f"{sessions}{held_out}, {turns}, deepest {event.deepest_tokens} tokens; "
        f"scored at {event.depth_label}"
    )


def _continued(event: Prepared) -> str:
    return f" (continued, {plural(event.trials_done, 'trial')} so far)" if event.trials_done else ""


def _bounds(event: Prepared) -> str:
    bounds = []
    if event.trials_wanted is not None:
        bounds.append(plural(event.trials_wanted, "trial"))
    if event.budget_s is not None:
        bounds.append(f"within {duration(event.budget_s)}")
    return ", ".join(bounds) or "until stopped"


def trial_label(number_: int, count: int, wanted: int | None) -> str:
    """``trial #7 (3/40)``: its number in the study, and how many this makes of those wanted."""
    return (
        f"trial #{number_} ({count})" if wanted is None else f"trial #{number_} ({count}/{wanted})"
    )


def figures(event: TrialFinished, state: RunState) -> str:
    """The figures of a finished trial, or why there are none."""
    if event.failure is not None:
        return f"failed, {event.failure}: {event.reason or 'no reason given'}"
    if event.stopped_early:
        return event.reason or "stopped early"
    against = state.against_baseline(event.turn_s)
    parts = [
        f"{number(event.turn_s)} s/turn",
        f"{times(against)} the default" if against is not None and event.changes else "",
        f"TTFT p50 {number(event.ttft_p50_s)} s",
        f"decode p50 {number(event.decode_p50_tps)} tok/s",
        "best so far" if event.is_best else "",
    ]
    return ", ".join(part for part in parts if part)


def best(state: RunState) -> str:
    """The best trial so far; empty before there is one."""
    if state.best is None:
        if state.earlier_best is None:
            return ""
        number_, value = state.earlier_best
        return f"best #{number_} at {number(value)}"
    against = state.against_baseline(state.best.turn_s)
    gain = f" ({times(against)})" if against is not None and state.best.changes else ""
    return f"best #{state.best.number} {number(state.best.turn_s)} s/turn{gain}"


def confirm_start(event: ConfirmStarted) -> str:
    """What the confirmation compares, and on what."""
    where = "held-out sessions" if event.held_out else "the same sessions (none to hold out)"
    if DEFAULT_ARM not in event.arms:
        return f"heat on {where}, once each: {', '.join(event.arms)}; the fastest is confirmed"
    arms = " against ".join(event.arms)
    sessions = plural(event.sessions, "session")
    return f"confirming {arms} on {where}: {sessions}, up to {plural(event.blocks, 'block')} each"


def confirm_block(event: ConfirmBlock, state: RunState) -> str:
    """One measured block of the confirmation."""
    stage = "confirm" if state.confirms_default else "heat"
    count = f"{stage} {len(state.blocks)}/{state.confirm_blocks_wanted}"
    if event.failure is not None:
        return f"{count}  {event.arm} block {event.block}: failed, {event.failure}"
    return f"{count}  {event.arm} block {event.block}: {number(event.turn_s)} s/turn"


def activity(state: RunState) -> str:
    """What is being done right now."""
    if state.confirming is not None:
        arms = len(state.blocks) + 1
        stage = "confirming, block" if state.confirms_default else "heat,"
        return f"{stage} {min(arms, state.confirm_blocks_wanted)}" + (
            f"/{state.confirm_blocks_wanted}{_turn(state)}"
        )
    if state.running is None:
        return "preparing"
    wanted = state.prepared.trials_wanted if state.prepared else None
    label = trial_label(state.running.number, state.trials_done + 1, wanted)
    return label + _turn(state)


def _turn(state: RunState) -> str:
    return f", turn {state.turn.done}/{state.turn.total}" if state.turn else ""


def trying(state: RunState) -> str:
    """The running candidate; empty between trials."""
    if state.running is None:
        return ""
    settings = changes(state.running.changes)
    label = state.running.label if state.running.changes else ""
    return f"{label}: {settings}" if label else settings
