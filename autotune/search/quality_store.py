"""What the quality guard of a study has found, read back: verdicts by the study's threshold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autotune.candidate import Setting
from autotune.scoring.quality import (
    CallOutcome,
    Compared,
    QualityFigures,
    QualityVerdict,
    Standing,
    Threshold,
    figures,
    judge,
)
from autotune.search.space import Space, to_settings
from autotune.study.quality_log import CANDIDATE, REFERENCE, quality_path, read_quality

QUALITY = "quality"
"""The failure of a candidate that the guard does not accept."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One set of settings against the reference. `failure` is why it could not be asked."""

    settings: Mapping[str, Setting]
    figures: QualityFigures | None
    verdict: QualityVerdict
    seconds: float
    failure: tuple[str, str] | None = None

    @property
    def reason(self) -> str | None:
        """Why a candidate with these settings may not win; ``None`` for one that may."""
        if self.verdict.accepted:
            return None
        unclear = self.verdict.standing is Standing.CANNOT_TELL
        return ("cannot tell: " if unclear else "") + "; ".join(self.verdict.reasons)

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``result.json``."""
        return {
            "settings": dict(self.settings),
            "standing": self.verdict.standing.value,
            "reasons": list(self.verdict.reasons),
            "figures": None if self.figures is None else self.figures.to_json(),
            "seconds": self.seconds,
        }


def quality_settings(space: Space, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Those of `settings` that can change the output and are not at the baseline's value."""
    base = to_settings(space, space.defaults)
    names = [p.name for p in space.parameters if p.quality]
    return {n: settings[n] for n in names if n in settings and settings[n] != base.get(n)}


def settings_key(settings: Mapping[str, Setting]) -> str:
    """Equal exactly when the settings are."""
    text = json.dumps(dict(sorted(settings.items())), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def candidate_row(
    settings: Mapping[str, Setting],
    rows: list[Compared],
    calls: list[CallOutcome],
    seconds: float,
    failure: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """One line of ``quality.jsonl``."""
    return {
        "what": CANDIDATE,
        "key": settings_key(settings),
        "settings": dict(settings),
        "seconds": seconds,
        "failure": list(failure) if failure else None,
        "compared": [list(asdict(row).values()) for row in rows],
        "calls": [call.value for call in calls],
    }


def finding_of(row: Mapping[str, Any], threshold: Threshold, seed: int) -> Finding:
    """A line read back and judged."""
    compared = [Compared(*values) for values in row["compared"]]
    found = figures(compared, [CallOutcome(call) for call in row["calls"]], seed=seed)
    failure = tuple(row["failure"]) if row["failure"] else None
    verdict = judge(found, threshold)
    if failure is not None:
        verdict = QualityVerdict(Standing.CANNOT_TELL, (failure[1],))
    return Finding(row["settings"], found, verdict, row["seconds"], failure)


def quality_of(
    folder: Path, space: Space, settings: Mapping[str, Setting]
) -> dict[str, Any] | None:
    """What the guard found of a config; ``None`` where it changes nothing, or was not asked."""
    found = stored_findings(folder).get(settings_key(quality_settings(space, settings)))
    return None if found is None else found.to_json()


def quality_summary(
    folder: Path, space: Space, winner: Mapping[str, Setting] | None
) -> dict[str, Any] | None:
    """What a run's end says of quality; ``None`` where no set of settings was asked.

    `winner` are all settings of what won: it has figures where it changes what the model says.
    """
    found = stored_findings(folder)
    if not found:
        return None
    refused = [one.to_json() for one in found.values() if not one.verdict.accepted]
    return {
        "winner": None if winner is None else quality_of(folder, space, winner),
        "refused": refused,
        "accepted": len(found) - len(refused),
        "seconds": sum(one.seconds for one in found.values()),
    }


def stored_findings(folder: Path) -> dict[str, Finding]:
    """What the guard found in the study at `folder`, by `settings_key`; empty without a guard."""
    rows = read_quality(quality_path(folder))
    first = next((row for row in rows if row["what"] == REFERENCE), None)
    if first is None:
        return {}
    threshold, seed = Threshold(**first["of"]["threshold"]), int(first["of"]["seed"])
    candidates = (row for row in rows if row["what"] == CANDIDATE)
    return {row["key"]: finding_of(row, threshold, seed) for row in candidates}
