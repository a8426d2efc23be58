"""Sentences about a run that more than one display says."""

from __future__ import annotations

from autotune.report.held import hold_activity
from autotune.report.kinds import counts
from autotune.report.state import RunState
from autotune.report.text import ABSENT, changes, duration, number, plural, times
from autotune.search.events import (
    MORE,
    ConfirmBlock,
    ConfirmStarted,
    ContestPrepared,
    EngineChosen,
    EngineFacts,
    Prepared,
    TrialFinished,
)

STOPPING = "stopping after this trial; press Ctrl-C again to stop at once"
STOPPING_NOW = "stopping the engine"


def header(event: Prepared | ContestPrepared) -> list[tuple[str, str]]:
    """What is tuned, on what, with which workload, and how long: names and facts."""
    if isinstance(event, ContestPrepared):
        return _contest_header(event)
    return [
        ("study", f"{event.study} in {event.study_dir}{_continued(event)}"),
        ("engine", f"{event.engine} {event.engine_version}"),
        ("model", event.model),
        ("GPU", event.gpu),
        ("workload", _workload(event)),
        ("search", f"{plural(event.parameters, 'parameter')}, {_bounds(event)}"),
        *(("note", note) for note in event.notes),
    ]


def _contest_header(event: ContestPrepared) -> list[tuple[str, str]]:
    held_out = f" ({event.held_out_sessions} held out)" if event.held_out_sessions else ""
    workload = plural(event.workload_sessions, "session") + held_out
    return [
        ("study", f"{event.study} in {event.study_dir}{_continued(event)}"),
        *(("engine", _engine(row)) for row in event.engines),
        ("GPU", event.gpu),
        ("workload", f"{workload}, {plural(event.workload_turns, 'turn')}"),
        ("search", f"{_bounds(event)} for all of them"),
        ("against", f"{event.baseline} as it is"),
        *(("note", note) for note in event.notes),
    ]


def _engine(row: EngineFacts) -> str:
    """One engine of a contest: depths are by its own count."""
    return (
        f"{row.engine} {row.engine_version}, {row.model}, {plural(row.parameters, 'parameter')}; "
        f"scored at {row.depth_label} of its tokens, deepest {row.deepest_tokens:,}"
    )


def given(event: EngineChosen) -> str:
    """Every engine's chance to hold the winner: ``llama-server 88%, vllm 12%``."""
    return ", ".join(f"{engine} {chance:.0%}" for engine, chance in event.chances.items())


def moves(before: EngineChosen | None, now: EngineChosen) -> list[str]:
    """Engines that get no more trials since `before`, and those that get them again."""
    was = set(before.out) if before is not None else set()
    chance = {engine: f"{p:.1%}" for engine, p in now.chances.items()}
    gone = [
        f"{engine} is out: its chance to hold the winner is {chance[engine]}, as things stand"
        for engine in now.out
        if engine not in was
    ]
    back = [
        f"{engine} is in again: its chance to hold the winner is {chance[engine]}"
        for engine in now.chances
        if engine in was and engine not in now.out
    ]
    return gone + back


def of_engine(engine: str | None, text: str) -> str:
    """`text` with its engine in front, where there are several."""
    return text if engine is None else f"{engine} {text}"


def _workload(event: Prepared) -> str:
    sessions = plural(event.workload_sessions, "session")
    held_out = f" ({event.held_out_sessions} held out)" if event.held_out_sessions else ""
    turns = plural(event.workload_turns, "turn")
    return (
        f"{sessions}{held_out}, {turns}, deepest {event.deepest_tokens} tokens; "
        f"scored at {event.depth_label}"
    )


def _continued(event: Prepared | ContestPrepared) -> str:
    return f" (continued, {plural(event.trials_done, 'trial')} so far)" if event.trials_done else ""


def _bounds(event: Prepared | ContestPrepared) -> str:
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
        f"{times(against)} {state.baseline_words}"
        if against is not None and state.is_compared(event)
        else "",
        f"TTFT p50 {number(event.ttft_p50_s)} s",
        f"p95 {number(event.ttft_p95_s)} s" if event.ttft_p95_s is not None else "",
        f"decode p50 {number(event.decode_p50_tps)} tok/s",
        f"waited {duration(event.total_wait_s)} in all" if event.total_wait_s is not None else "",
        _kinds(event),
        "best so far" if event.is_best else "",
    ]
    return ", ".join(part for part in parts if part)


def _kinds(event: TrialFinished) -> str:
    """How many turns were cold, partial and warm; empty where none says what it reused."""
    told = counts(event.kinds)
    return "" if told == ABSENT else f"cold/partial/warm {told}"


def best(state: RunState) -> str:
    """The best trial so far; empty before there is one."""
    if state.best is None:
        if state.earlier_best is None:
            return ""
        number_, value = state.earlier_best
        return f"best #{number_} at {number(value)}"
    best_ = state.best
    against = state.against_baseline(best_.turn_s)
    gain = f" ({times(against)})" if against is not None and state.is_compared(best_) else ""
    return f"best {of_engine(best_.engine, f'#{best_.number}')} {number(best_.turn_s)} s/turn{gain}"


def confirm_start(event: ConfirmStarted) -> str:
    """What the confirmation compares, and on what."""
    where = "held-out sessions" if event.held_out else "the same sessions (none to hold out)"
    if event.stage == "effects":
        return effects_start(event)
    if event.baseline not in event.arms:
        return f"heat on {where}, once each: {', '.join(event.arms)}; the fastest is confirmed"
    arms = " against ".join(event.arms)
    if event.stage == MORE:
        return f"still open: {arms}, up to {plural(event.blocks, 'block')} more each"
    sessions = plural(event.sessions, "session")
    return f"confirming {arms} on {where}: {sessions}, up to {plural(event.blocks, 'block')} each"


def effects_start(event: ConfirmStarted) -> str:
    """What the winner's changes are measured by."""
    others = [arm for arm in event.arms if arm != event.baseline]
    sessions, blocks = plural(event.sessions, "session"), plural(event.blocks, "block")
    return (
        f"what each change is worth: {event.baseline} against itself {', '.join(others)}, "
        f"{sessions}, up to {blocks} each"
    )


def _stage(state: RunState) -> str:
    """What the running round is called."""
    if state.confirming is not None and state.confirming.stage == "effects":
        return "effects"
    return "confirm" if state.confirms_default else "heat"


def confirm_block(event: ConfirmBlock, state: RunState) -> str:
    """One measured block of the confirmation."""
    count = f"{_stage(state)} {len(state.blocks)}/{state.confirm_blocks_wanted}"
    if event.failure is not None:
        return f"{count}  {event.arm} block {event.block}: failed, {event.failure}"
    return f"{count}  {event.arm} block {event.block}: {number(event.turn_s)} s/turn"


_ACTIVITIES = {
    "effects": "measuring each change, run",
    "confirm": "confirming, block",
    "heat": "heat,",
}


def activity(state: RunState) -> str:
    """What is being done right now."""
    if state.holding is not None:
        return hold_activity(state.holding, state.turn.done if state.turn else None)
    if state.confirming is not None:
        arms = len(state.blocks) + 1
        stage = _ACTIVITIES[_stage(state)]
        return f"{stage} {min(arms, state.confirm_blocks_wanted)}" + (
            f"/{state.confirm_blocks_wanted}{_turn(state)}"
        )
    if state.running is None:
        return "preparing"
    wanted = state.prepared.trials_wanted if state.prepared else None
    label = trial_label(state.running.number, state.trials_done + 1, wanted)
    return of_engine(state.running.engine, label) + _turn(state)


def _turn(state: RunState) -> str:
    if state.turn is None:
        return ""
    rung = f"{state.turn.rung} rung, " if state.turn.rung else ""
    return f", {rung}turn {state.turn.done}/{state.turn.total}"


def trying(state: RunState) -> str:
    """The running candidate; empty between trials."""
    if state.running is None:
        return ""
    settings = changes(state.running.changes)
    label = state.running.label if state.running.changes else ""
    return f"{label}: {settings}" if label else settings
