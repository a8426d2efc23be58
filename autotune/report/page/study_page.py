"""The report of one study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autotune.errors import ExitCode
from autotune.report.page.depth_section import depth_section, sentences, usual_section
from autotune.report.page.effects_section import effects_section
from autotune.report.page.gather import StudyData
from autotune.report.page.machine_section import noise_section, quality_section, time_section
from autotune.report.page.model import Page, Section, Tone, present, prose, section
from autotune.report.page.origin_section import launch_section, origin_section
from autotune.report.page.pareto_section import pareto_section
from autotune.report.page.reuse_section import reuse_section
from autotune.report.page.trials_section import trials_section
from autotune.report.page.turns import side, turns_plot
from autotune.report.text import plural

_TONES: Mapping[int, Tone] = {
    int(ExitCode.DONE): "good",
    int(ExitCode.NOTHING_BETTER): "even",
    int(ExitCode.NO_FEASIBLE_TRIAL): "bad",
}
SIMULATED = "Simulated: worked out by a model of the machine. Nothing here was measured."
UNFINISHED = "Not finished: there is no verdict yet."


def study_page(data: StudyData) -> Page:
    """All that is known of the study, most wanted first."""
    summary = data.summary
    return Page(
        kind="study",
        title=data.name,
        verdict=str(summary.get("verdict") or UNFINISHED),
        tone=_TONES.get(summary.get("exit_code", -1), "plain"),
        lead=tuple(_lead(data)),
        sections=sections(data),
        records=tuple(trial_record(trial) for trial in data.trials),
        document=document(data),
    )


def sections(data: StudyData) -> tuple[Section, ...]:
    """The page's sections, in their order."""
    summary = data.summary
    return present(
        [
            launch_section(data) if summary else None,
            depth_section(data),
            turns_section(data),
            reuse_section(summary.get("reuse") or {}),
            pareto_section(data),
            effects_section(summary),
            trials_section(data),
            usual_section(data),
            quality_section(summary),
            noise_section(summary),
            time_section(data),
            notes_section(summary),
            origin_section(data),
        ]
    )


def _lead(data: StudyData) -> Iterator[str]:
    if data.simulated:
        yield SIMULATED
    yield from sentences(data)
    facts = data.provenance
    where = facts.get("gpu_name") or facts.get("gpu") or "an unknown machine"
    model = str(facts.get("model_path") or "?").rpartition("/")[2]
    trials = plural(len(data.measured), "trial")
    yield f"{facts.get('engine', '?')} with {model} on {where}: {trials}."


def turns_section(data: StudyData) -> Section | None:
    """Default and what stands beside it, turn by turn."""
    role = "tuned" if data.other == "tuned" else "closest"
    sides = [
        side("default", "default", data.default_turns),
        side(data.other, role, data.other_turns),
    ]
    return section("turns", "Turn by turn", turns_plot(sides, data.turns_from))


def notes_section(summary: Mapping[str, Any]) -> Section | None:
    """What a reader must know besides."""
    return section("notes", "Notes", prose([str(note) for note in summary.get("notes") or ()]))


def trial_record(trial: Mapping[str, Any]) -> dict[str, Any]:
    """One trial as a row of the CSV: settings under ``setting.NAME``."""
    metrics, took = trial["metrics"] or {}, trial["seconds"] or {}
    keys = (
        "turn_s", "ttft_p50_s", "ttft_p95_s", "decode_p50_tps", "total_wait_s", "cached_share",
        "turns", "turns_at_depth",
    )  # fmt: skip
    return {
        "trial": trial["number"],
        "state": trial["state"],
        "label": trial["label"],
        "value": trial["value"],
        **{key: metrics.get(key) for key in keys},
        "seconds": sum(took.values()) if took else None,
        "failure": trial["failure"],
        "reason": trial["reason"],
        **{f"setting.{name}": value for name, value in (trial["settings"] or {}).items()},
    }


def document(data: StudyData) -> dict[str, Any]:
    """The report as JSON: the study's own documents together."""
    return {
        "schema_version": "report/1",
        "kind": "study",
        "name": data.name,
        "simulated": data.simulated,
        "provenance": dict(data.provenance),
        "result": dict(data.result) or None,
        "seconds": data.seconds,
        "trials": [dict(trial) for trial in data.trials],
    }
