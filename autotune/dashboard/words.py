"""What the dashboard says of a trial and of a study, in names and units that a reader knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from autotune.report.text import changes, number
from autotune.search.ledger import COMPLETE, DUPLICATE, INFEASIBLE, REFUSED, STOPPED
from autotune.simulated.label import is_simulated

Facts = Mapping[str, Any]

OUTCOMES = {
    COMPLETE: "measured",
    STOPPED: "stopped early",
    INFEASIBLE: "failed",
    REFUSED: "refused before launch",
    "running": "running",
    "waiting": "waiting",
    "interrupted": "interrupted",
}
"""The states of `trial_row` in the words of the attribute ``outcome``; repeats say whose."""

_FIGURES = {
    "turn_s": "turn time (s)",
    "ttft_p50_s": "TTFT p50 (s)",
    "ttft_p95_s": "TTFT p95 (s)",
    "decode_p50_tps": "decode p50 (tok/s)",
    "cached_share": "cached share of prompts",
    "total_wait_s": "total wait (s)",
}
_OBJECTIVES = {"turn": "turn time (s)", "ttft": "TTFT p50 (s)", "decode": "seconds a token"}


def objective_name(provenance: Facts) -> str:
    """What the search made smaller, with its unit and the depth at which it is scored."""
    asked = str(provenance.get("objective") or "")
    name, depth = _OBJECTIVES.get(asked, asked or "objective"), provenance.get("depth")
    return f"{name}, {depth} tokens deep" if depth else name


def outcome(row: Facts) -> str:
    """How a trial ended, or what it is doing."""
    if row["state"] == DUPLICATE:
        return f"repeat of trial {row['same_as']}"
    return OUTCOMES.get(row["state"], str(row["state"]))


def trial_attributes(row: Facts, role: str) -> dict[str, Any]:
    """A trial's facts by what they are called; what is absent is left out.

    `role` is what the study makes of it (``winner``, ``default``, ``in use``), or empty. Figures of
    a trial that was stopped early are over fewer turns than those of the rest, and are left out.
    """
    facts: dict[str, Any] = {
        "outcome": outcome(row),
        "role": role or None,
        "tried as": row["label"] or None,
        "failure": row["failure"],
        "reason": cut(row["reason"]),
        "differs from the default": cut(changes(row["changes"] or {})),
    }
    if row["state"] == COMPLETE:
        metrics = row["metrics"] or {}
        facts |= {words: rounded(metrics.get(key)) for key, words in _FIGURES.items()}
    if row["state"] == STOPPED:
        facts["estimate (s)"] = rounded(row["value"])
    took = row["seconds"] or {}
    facts["took (s)"] = round(sum(took.values()), 2) if took else None
    facts["retry of trial"] = row["retry_of"]
    return {name: value for name, value in facts.items() if value is not None}


_LONG = 80
_DIGITS = 5


def cut(text: str | None) -> str | None:
    """`text` on one short line: the dashboard wraps no attribute. Notes have the whole of it."""
    line = " ".join(text.split()) if text else None
    return f"{line[: _LONG - 1]}…" if line and len(line) > _LONG else line


def rounded(value: float | None) -> float | None:
    """Five digits that count: the dashboard shows all that there are."""
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def trial_note(row: Facts, role: str) -> str:
    """One trial in Markdown: what became of it, and why."""
    said = outcome(row)
    head = f"**{said[0].upper()}{said[1:]}{f', {role}' if role else ''}.**"
    if row["state"] == STOPPED:
        head += f" No score: by what was seen of it, {number(row['value'])} s."
    lines = [head]
    if row["failure"]:
        lines.append(f"{escaped(row['failure'])}: {escaped(row['reason'] or 'no reason was told')}")
    elif row["reason"]:
        lines.append(escaped(row["reason"]))
    lines.append(escaped(changes(row["changes"] or {})))
    return "\n\n".join(lines)


def study_attributes(provenance: Facts, result: Facts | None, state: str) -> dict[str, Any]:
    """A study's facts by what they are called; what is absent is left out."""
    summary = (result or {}).get("summary") or {}
    facts = {
        "state": state,
        "verdict": summary.get("verdict"),
        "simulated": "nothing in it was measured" if is_simulated(provenance) else None,
        "engine": _joined(provenance.get("engine"), provenance.get("engine_version")),
        "model": _file_name(provenance.get("model_path")),
        "GPU": provenance.get("gpu_name") or provenance.get("gpu"),
        "objective": f"{objective_name(provenance)}, less is better",
        "workload": _file_name(provenance.get("workload")),
        "begun": provenance.get("created_at"),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _joined(*words: str | None) -> str | None:
    return " ".join(word for word in words if word) or None


def _file_name(path: str | None) -> str | None:
    return PurePath(path).name if path else None


def study_note(facts: Facts, links: Mapping[str, str]) -> str:
    """A study in Markdown: its verdict, what to open, and how to read the marks."""
    return "\n\n".join(_study_note(facts, links))


def _study_note(facts: Facts, links: Mapping[str, str]) -> Iterator[str]:
    yield f"**{escaped(facts.get('verdict') or 'No verdict yet.')}**"
    if "simulated" in facts:
        yield "Simulated: nothing in this study was measured."
    if links:
        yield "Open " + ", ".join(f"[{escaped(name)}]({url})" for name, url in links.items()) + "."
    yield (
        "**Complete**: measured whole. **Pruned**: stopped early, or a repeat of another trial; "
        "no score. **Fail**: the config cannot run (its constraint is above 0), or the trial was "
        "interrupted. The attribute *outcome* says which."
    )
    yield "The study is shown as it is on disk. Nothing can be changed here."


_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~"})


def escaped(text: object) -> str:
    """`text` as Markdown that reads as itself, on one line."""
    return " ".join(str(text).split()).translate(_MARKDOWN)
