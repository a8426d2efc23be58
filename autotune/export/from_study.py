"""A study's folder as something to export: its winner, or any one of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune import __version__
from autotune.errors import UserError
from autotune.export.model import ExportConfig, ExportProvenance

if TYPE_CHECKING:
    from autotune.study.folder import StudyFolder


def find_study(studies_dir: Path, name: str) -> StudyFolder:
    """The folder of a study, by name or by path. Raises `UserError` when there is none."""
    from autotune.study.folder import StudyFolder, list_studies

    for path in (studies_dir / name, Path(name)):
        if (folder := StudyFolder(path)).exists():
            return folder
    known = [folder.name for folder in list_studies(studies_dir)]
    raise UserError(f"there is no study {name!r} in {studies_dir}", _hint(name, known))


def _hint(name: str, known: list[str]) -> str:
    if not known:
        return "make one with autotune run, or name the directory with --studies-dir"
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"studies here: {', '.join(known[:8])}"


def winner_config(folder: StudyFolder) -> ExportConfig:
    """The winner of a finished study. Raises `UserError` when there is none."""
    result = folder.read_result()
    if result is None:
        raise UserError(
            f"study {folder.name} has no result yet",
            "let autotune run finish it, or export a trial: --trial N --allow-unconfirmed",
        )
    if not result.get("winner"):
        raise UserError(
            f"study {folder.name} found nothing that beats the default",
            "keep the engine's defaults, or export a trial: --trial N --allow-unconfirmed",
        )
    return _from_arm(result["winner"], study_provenance(folder, result))


def _from_arm(arm: Mapping[str, Any], provenance: ExportProvenance) -> ExportConfig:
    return ExportConfig(
        settings=arm["settings"],
        full_settings=arm["full_settings"],
        argv=tuple(arm["argv"]),
        env=arm["env"],
        provenance=provenance,
    )


def study_provenance(folder: StudyFolder, result: Mapping[str, Any]) -> ExportProvenance:
    """Where the winner of `folder` comes from; `result` is ``result.json``."""
    facts = folder.read_provenance()
    winner = result.get("winner") or {}
    interval = result.get("interval")
    return ExportProvenance(
        trial=winner.get("trial"),
        speedup=result.get("speedup"),
        interval=(interval[0], interval[1]) if interval else None,
        confirmed=interval is not None,
        verdict=result.get("verdict"),
        quality_changing=tuple(winner.get("quality_changing", ())),
        **_facts(folder.name, facts),
    )


def _facts(study: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What `provenance.json` says, under the exporter's names."""
    return {
        "study": study,
        "engine": facts.get("engine"),
        "engine_version": facts.get("engine_version"),
        "engine_sha256": facts.get("engine_sha256"),
        "model": facts.get("model_path"),
        "model_sha256": facts.get("model_sha256"),
        "gpu": facts.get("gpu_name") or facts.get("gpu"),
        "workload_digest": facts.get("workload_digest"),
        "depth": facts.get("depth"),
        "objective": facts.get("objective"),
        "date": facts.get("created_at"),
        "autotune_version": facts.get("autotune_version", __version__),
    }
