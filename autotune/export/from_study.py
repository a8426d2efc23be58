"""A study's folder as something to export: its winner, or any one of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune import __version__
from autotune.candidate import Candidate, Setting
from autotune.errors import ExitCode, UserError
from autotune.export.gpu_kind import CPU, PINS
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.search.ledger import STOPPED
from autotune.simulated.label import is_simulated

if TYPE_CHECKING:
    from autotune.launchers.protocol import LaunchContext, Launcher
    from autotune.search.space_file import SpaceFile
    from autotune.study.folder import StudyFolder


def winner_config(folder: StudyFolder) -> ExportConfig:
    """The winner of a finished study. Raises `UserError` when there is none."""
    result = folder.read_result()
    if result is None:
        raise UserError(
            f"study {folder.name} has no result yet",
            "let autotune run finish it, or export a trial: --trial N --allow-unconfirmed",
        )
    if not result.get("winner"):
        raise _no_winner(folder.name, result)
    facts = _winning_facts(_measured_facts(folder), result["winner"])
    return _from_arm(result["winner"], facts["engine"], study_provenance(folder, facts, result))


def _no_winner(study: str, result: Mapping[str, Any]) -> UserError:
    """Nothing beat the default, or nothing could be measured: the verdict says which."""
    summary = result.get("summary", {})
    if summary.get("exit_code") == ExitCode.NO_FEASIBLE_TRIAL:
        why = summary["verdict"].rstrip(".")
        return UserError(
            f"study {study} has nothing to export: {why[:1].lower()}{why[1:]}",
            f"see why with autotune study show {study}",
        )
    return UserError(
        f"study {study} found nothing that beats the default",
        "keep the engine's defaults, or export a trial: --trial N --allow-unconfirmed",
    )


def recommended_config(folder: StudyFolder) -> ExportConfig:
    """What a finished study says to run: its winner, or the default where nothing beat it.

    The trial of `provenance` is ``None`` for a default. Raises `UserError` without a result.
    """
    result = folder.read_result()
    if result is None or result.get("winner") or not result.get("baseline"):
        return winner_config(folder)
    base = result["baseline"]
    facts = _winning_facts(_measured_facts(folder), base)
    return _from_arm(base, facts["engine"], ExportProvenance(**_facts(folder.name, facts)))


def _measured_facts(folder: StudyFolder) -> dict[str, Any]:
    """What a study was measured on.

    Raises `UserError` for one whose measurements were worked out by formulas.
    """
    facts = folder.read_provenance()
    if is_simulated(facts):
        raise UserError(
            f"study {folder.name} is simulated: nothing in it was measured",
            "tune the real engine with autotune run, and export that study",
        )
    return facts


def _winning_facts(facts: Mapping[str, Any], winner: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a study was measured on; of a contest, what its winning engine was."""
    own = (row for row in facts.get("engines", ()) if row["label"] == winner.get("engine"))
    return next(own, facts)


def trial_config(folder: StudyFolder, number: int) -> ExportConfig:
    """Trial `number` of a study: the winner if it is that, else as its launcher would start it.

    Raises `UserError` for a trial that is not there or was not measured.
    """
    if studies := folder.engine_studies():
        raise UserError(
            f"study {folder.name} is a contest: which engine's trial {number}?",
            f"name that engine's study, for example {folder.name}/{studies[0].name}",
        )
    result = folder.read_result() or {}
    if (result.get("winner") or {}).get("trial") == number:
        return winner_config(folder)
    trials = folder.read_trials()
    trial = next((t for t in trials if t["number"] == number), None)
    if trial is None:
        raise UserError(
            f"study {folder.name} has no trial {number}", f"it has trials 0 to {len(trials) - 1}"
        )
    if trial["failure"] is not None or trial["value"] is None:
        raise UserError(
            f"trial {number} of {folder.name} has no score: {trial['failure'] or trial['state']}",
            f"see autotune study show {folder.name}",
        )
    if trial["state"] == STOPPED:
        raise UserError(
            f"trial {number} of {folder.name} was stopped early: {trial['reason']}",
            "export a trial that was measured to its end",
        )
    return _from_trial(folder, trial)


def _from_trial(folder: StudyFolder, trial: Mapping[str, Any]) -> ExportConfig:
    facts = _measured_facts(folder)
    full: dict[str, Setting] = trial["settings"]
    return ExportConfig(
        settings=non_default(facts["engine"], full),
        full_settings=full,
        argv=_argv(facts, full),
        env=_env(facts, folder.read_result() or {}),
        provenance=replace(
            ExportProvenance(trial=trial["number"], **_facts(folder.name, facts)),
            wanted_variables=_wanted(facts),
        ),
    )


def _launcher(facts: Mapping[str, Any]) -> Launcher:
    from autotune.launchers.registry import make_launcher

    return make_launcher(facts["engine"], engine_path=Path(facts["engine_path"]))


def _wanted(facts: Mapping[str, Any]) -> tuple[str, ...]:
    from autotune.launchers.habits import wanted_variables

    return wanted_variables(_launcher(facts))


def _env(facts: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, str]:
    """The variables of any trial of a study; its GPU is pinned as a finished study pins it."""
    from autotune.launchers.habits import export_env

    context = _context(facts)
    arm = result.get("baseline") or result.get("winner")
    if arm is not None and facts.get("gpu") not in (None, CPU):
        pin = {name: value for name, value in arm["env"].items() if name in PINS}
        context = replace(context, gpu_uuid=facts["gpu"], gpu_pin=pin)
    return dict(export_env(_launcher(facts), context))


def _argv(facts: Mapping[str, Any], settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """What the study's engine would be started with; nothing is started."""
    from autotune.launchers.model_setting import with_model

    return _launcher(facts).export_argv(*with_model(Candidate(settings), _context(facts)))


def _context(facts: Mapping[str, Any]) -> LaunchContext:
    from autotune.launchers.protocol import EXPORT_PORT, LaunchContext

    here = Path()
    return LaunchContext(
        model=Path(facts["model_path"]), work_dir=here, log_path=here, trial_id="", port=EXPORT_PORT
    )


def non_default(engine: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The `settings` that are not what the engine does by itself, as its search space says.

    One whose default depends on the machine or the card is kept, and so is one that the space does
    not know.
    """
    from autotune.hardware.profile_file import shipped_files

    space = _space_of(engine)
    if space is None:
        return dict(settings)
    tables = [file.engines.get(space.engine, {}) for file in shipped_files().values()]
    by_card = {name for table in tables for name in table.get("defaults", {})}
    defaults = {n: entry.default for n, entry in space.parameters.items() if n not in by_card}
    kept = {n for n, v in settings.items() if n not in defaults or defaults[n] != v}
    for together in _TOGETHER:
        kept |= together if together & kept else set()
    return {n: v for n, v in settings.items() if n in kept}


def _space_of(engine: str) -> SpaceFile | None:
    """The search space of an engine, its manifest's own too; ``None`` where there is none."""
    from autotune.launchers.registry import make_launcher
    from autotune.search.standing import space_file_of

    try:
        return space_file_of(make_launcher(engine))
    except UserError:
        return None


_TOGETHER = (frozenset({"parallel", "kv-unified"}),)
"""Settings that decide each other's default: llama-server's slots share a pool only where their
number is left to it, and there they always do."""


def _from_arm(arm: Mapping[str, Any], engine: str, provenance: ExportProvenance) -> ExportConfig:
    full: dict[str, Setting] = arm["full_settings"]
    # What the search left alone (pinned flags) may differ from the engine's defaults as well.
    keep = {**non_default(engine, full), **arm["settings"]}
    return ExportConfig(
        settings={name: value for name, value in full.items() if name in keep},
        full_settings=full,
        argv=tuple(arm["argv"]),
        env=arm["env"],
        provenance=provenance,
    )


def study_provenance(
    folder: StudyFolder, facts: Mapping[str, Any], result: Mapping[str, Any]
) -> ExportProvenance:
    """Where the winner comes from: `facts` is ``provenance.json``, `result` ``result.json``."""
    winner, summary = result["winner"], result["summary"]
    interval = summary.get("interval")
    known = {**_facts(folder.name, facts), "date": result.get("finished_at")}
    known |= _other_file(winner)
    return ExportProvenance(
        trial=winner.get("trial"),
        speedup=summary.get("speedup"),
        interval=(interval[0], interval[1]) if interval else None,
        confirmed=interval is not None,
        verdict=summary.get("verdict"),
        quality_changing=tuple(winner.get("quality_changing", ())),
        quality=_quality(winner.get("quality")),
        wanted_variables=tuple(winner.get("wanted_variables", ())),
        held=held_text(result),
        after=summary.get("after"),
        **known,
    )


def _other_file(winner: Mapping[str, Any]) -> dict[str, Any]:
    """The file that won, where it is not the one that the study was begun with."""
    path = winner["settings"].get("model")
    return {} if path is None else {"model": path, "model_sha256": None}


def _quality(found: Mapping[str, Any] | None) -> str | None:
    """The quality guard's figures of the winner in words; ``None`` where it was not asked."""
    if found is None or found.get("figures") is None:
        return None
    figures = found["figures"]
    kept, made = figures["calls"].get("kept", 0), sum(figures["calls"].values())
    calls = f", {kept} of {made} tool calls kept" if made else ""
    return (
        f"p99 KL {figures['kl_p99']['value']:.2g}, same likeliest token at "
        f"{figures['top1']['value']:.1%} of {figures['positions']} positions{calls}"
    )


def held_text(result: Mapping[str, Any]) -> str | None:
    """What filling the winner showed, or that it was not filled; ``None`` for older studies."""
    hold = result.get("hold")
    if hold is None:
        return None
    winner = hold.get("winner")
    return str(winner["sentence"]) if winner else hold.get("note")


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
        "gpu_uuid": facts.get("gpu"),
        "workload_digest": facts.get("workload_digest"),
        "depth": facts.get("depth"),
        "objective": facts.get("objective"),
        "date": facts.get("created_at"),
        "autotune_version": facts.get("autotune_version", __version__),
    }
