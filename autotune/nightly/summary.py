"""A night in words: a line for a table or a message, and a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autotune.nightly.night_record import (
    CanaryNote,
    DroppedNote,
    Night,
    Outcome,
    PromotionNote,
    TuningNote,
    WorkloadNote,
)
from autotune.report.text import ABSENT, duration, plural, setting, times

_OUTCOMES = {
    Outcome.PROMOTED: "a new config is live",
    Outcome.KEPT: "tuned again, the config in use stays",
    Outcome.STEADY: "nothing changed, no drift",
    Outcome.NOTHING: "nothing changed",
    Outcome.SKIPPED: "skipped",
    Outcome.ROLLED_BACK: "rolled back",
    Outcome.STOPPED: "stopped before its end",
    Outcome.FAILED: "failed",
}


def outcome_words(outcome: Outcome) -> str:
    """How a night ended, as a person would say it."""
    return _OUTCOMES[outcome]


def night_title(night: Night) -> str:
    """One line: the target, how its night ended, and the gain where one went live."""
    gain = times(night.tuning.speedup) if night.tuning else ABSENT
    won = f" ({gain})" if night.outcome is Outcome.PROMOTED and gain != ABSENT else ""
    return f"{night.target}: {outcome_words(night.outcome)}{won}"


def night_markdown(night: Night) -> str:
    """The page of one night."""
    blocks = [
        f"# {night_title(night)}",
        _sentence(night.why),
        *([f"What to do: {night.hint}"] if night.hint else []),
        _facts(night),
        *_changes(night),
        *_workload(night.workload),
        *_canary(night.canary),
        *_dropped(night.dropped),
        *_tuning(night.tuning),
        *_promotion(night.promotion),
        *_hooks(night),
        *_time(night.seconds),
        *_notes(night.notes),
    ]
    return "\n\n".join(blocks) + "\n"


def _facts(night: Night) -> str:
    begun = night.started_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    rows = [
        ("night", f"{begun}, {_took(night.took_s)}"),
        ("decided", _decided(night)),
        ("live", ABSENT if night.generation is None else f"generation {night.generation}"),
    ]
    return "\n".join(f"- {name}: {value}" for name, value in rows)


def _decided(night: Night) -> str:
    if night.decision is None:
        return ABSENT
    reasons = "; ".join(night.reasons)
    return f"{night.decision}, because {reasons}" if reasons else night.decision


def _changes(night: Night) -> Iterator[str]:
    if not night.changes:
        yield "## What changed\n\nNothing."
        return
    rows = [(c.name, _known(c.was), _known(c.now)) for c in night.changes]
    yield "## What changed\n\n" + _table(("what", "was", "is"), rows)


def _known(value: str | None) -> str:
    return "unknown" if value is None else value


def _workload(note: WorkloadNote | None) -> Iterator[str]:
    if note is None:
        return
    words = [plural(note.sessions, "session")]
    words += [f"{note.joined} new"] if note.joined else []
    words += [f"{note.aged_out} aged out"] if note.aged_out else []
    yield "## Workload\n\n" + ", ".join(words) + "."


def _canary(note: CanaryNote | None) -> Iterator[str]:
    if note is None:
        return
    ratio = f"{times(note.ratio)}{_between(note.low, note.high)}"
    rows = [
        ("turns", str(note.turns)),
        ("seconds now / then", ratio),
        ("engine's defaults, now / then", times(note.machine_ratio)),
        ("two runs of one config differ by up to", times(note.floor)),
        ("drifted", "yes" if note.drifted else "no"),
    ]
    told = _sentence(note.said) + "\n\n" if note.said else ""
    yield f"## Canary\n\n{told}" + _table(("figure", "value"), _present(rows))


def _dropped(notes: Sequence[DroppedNote]) -> Iterator[str]:
    if notes:
        rows = [(f"`{n.setting}`", f"`{n.value}`", n.why) for n in notes]
        told = "The engine does not take these settings of the config in use any more; it was "
        told += "measured without them.\n\n"
        yield "## Settings left out\n\n" + told + _table(("setting", "value", "why"), rows)


def _tuning(note: TuningNote | None) -> Iterator[str]:
    if note is None:
        return
    rows = [
        ("study", f"`{note.study}`"),
        ("budget", _took(note.budget_s)),
        ("trials", _trials(note)),
        ("begun with", ", ".join(f"`{name}`" for name in note.warm_from) or ABSENT),
        ("best against what was in use", f"{times(note.speedup)}{_between(note.low, note.high)}"),
        ("sessions of the proof", ABSENT if note.sessions is None else str(note.sessions)),
        ("quality", note.quality or ABSENT),
        ("settings of the best", _settings(note.settings)),
    ]
    told = _sentence(note.verdict) + "\n\n" if note.verdict else ""
    yield f"## Tuning\n\n{told}" + _table(("figure", "value"), _present(rows))


def _trials(note: TuningNote) -> str:
    if note.trials is None:
        return ABSENT
    failed = f", {note.failed_trials} failed" if note.failed_trials else ""
    return f"{note.trials}{failed}"


def _promotion(note: PromotionNote | None) -> Iterator[str]:
    if note is None:
        return
    heading = "## Promoted" if note.promoted else "## Not promoted"
    rows = [
        ("generation", _generations(note)),
        ("exports", ", ".join(f"`{path}`" for path in note.exports) or ABSENT),
        ("health", note.health or ABSENT),
    ]
    blocks = [heading, _sentence(note.why)]
    if present := _present(rows):
        blocks.append(_table(("what", "value"), present))
    if note.changed:
        changed = [(f"`{k}`", _setting(a), _setting(b)) for k, (a, b) in note.changed.items()]
        blocks.append(_table(("setting", "was", "is"), changed))
    yield "\n\n".join(blocks)


def _generations(note: PromotionNote) -> str:
    if note.generation is None:
        return ABSENT
    was = "" if note.was_generation is None else f", after {note.was_generation}"
    return f"{note.generation}{was}"


def _hooks(night: Night) -> Iterator[str]:
    if night.hooks:
        rows = [
            (h.name, "ended" if h.code is None else str(h.code), _took(h.seconds), h.said)
            for h in night.hooks
        ]
        yield "## Hooks\n\n" + _table(("hook", "exit code", "took", "said"), rows)


def _time(seconds: Mapping[str, float]) -> Iterator[str]:
    if seconds:
        rows = [(name, _took(value)) for name, value in seconds.items()]
        rows.append(("together", _took(sum(seconds.values()))))
        yield "## Where the time went\n\n" + _table(("part", "took"), rows)


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "## Notes\n\n" + "\n".join(f"- {note}" for note in notes)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; bars and line breaks within a cell are taken out of its way."""
    lines = [header, ["---"] * len(header), *([_cell(c) for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or ABSENT


def _present(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [row for row in rows if row[1] != ABSENT]


def _sentence(text: str) -> str:
    """One line that begins large and ends with a full stop."""
    line = " ".join(text.split())
    return line[:1].upper() + line[1:] + ("" if line[-1:] in {".", "!", "?", ""} else ".")


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"`{k}={setting(v)}`" for k, v in settings.items()) or ABSENT


def _setting(value: Any) -> str:
    return "engine's default" if value is None else f"`{setting(value)}`"


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"


def _took(seconds: float | None) -> str:
    """Tenths count where a hook answers at once."""
    return f"{seconds:.1f}s" if seconds is not None and 0 <= seconds < 10 else duration(seconds)
