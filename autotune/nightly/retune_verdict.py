"""From a finished study to what should be live: the proof on held-out sessions, read strictly.

=========================================  ====================================================
the proof says                             what becomes of it
=========================================  ====================================================
a config beats the config in use           it goes live
the engine's defaults beat it              they go live
the config in use does not run any more    the winner goes live, or else the defaults
nothing beats the config in use            it stays; written anew where the model's file or the
                                           spelling of a flag is another than it was
nothing was in use, and something wins     it goes live
nothing was in use, and nothing wins       the defaults go live, so that later nights have
                                           something to beat; unless a person's own files stand
                                           at the places of the exports
=========================================  ====================================================

"Beats" is an interval of the paired ratio, on sessions that the search did not see, that is clear
of none. Where there were too few sessions for that, a config in use stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autotune.candidate import Setting
from autotune.errors import ExitCode, MachineError
from autotune.export.from_study import recommended_config, trial_config
from autotune.export.model import ExportConfig
from autotune.nightly.night_record import TuningNote
from autotune.search.events import Summary
from autotune.search.planned import INCUMBENT
from autotune.study.folder import StudyFolder


class Standing(StrEnum):
    """How the config in use came off."""

    NONE = "none"
    DEFAULT = "default"
    """It is what the engine does by itself."""

    RAN = "ran"
    FAILED = "failed"


class Act(StrEnum):
    """What is to be done with a config."""

    PUT = "put"
    """It is another one, and goes live."""

    FOLLOW = "follow"
    """It is the one in use, as it has to be written today."""

    LEAVE = "leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`config` is what is best as far as this study knows. `why` is one sentence.

    `gain` is how it compares with what was in use, or with the defaults where nothing was.
    """

    act: Act
    config: ExportConfig
    why: str
    gain: Mapping[str, Any]
    standing: Standing


@dataclass(frozen=True, slots=True)
class InUse:
    """The config in use as the study met it: its trial, and why it did not run."""

    standing: Standing
    trial: int | None = None
    reason: str = ""


def judged(summary: Summary, folder: StudyFolder, *, had: bool, owned: bool) -> Verdict:
    """The verdict of a finished study. `had` is whether a config was in use; `owned` whether a
    person's own files stand where the exports go.

    Raises `MachineError` for a study in which nothing could be proved.
    """
    if summary.exit_code not in (ExitCode.DONE, ExitCode.NOTHING_BETTER):
        why = "; ".join([summary.verdict, *summary.notes[:1]])
        raise MachineError(why, f"see autotune study show {folder.name}")
    used = in_use(summary, folder) if had else InUse(Standing.NONE)
    act, why = _decided(summary, used, held_out=_is_held_out(folder), owned=owned)
    config = _config(summary, folder, used, act)
    return Verdict(act=act, config=config, why=why, gain=gain_of(summary), standing=used.standing)


def _is_held_out(folder: StudyFolder) -> bool:
    return bool((folder.read_result() or {}).get("held_out"))


def in_use(summary: Summary, folder: StudyFolder) -> InUse:
    """How the incumbent of a study came off."""
    rows = [row for row in folder.read_trials() if row["label"] == INCUMBENT]
    if not rows:
        return InUse(Standing.DEFAULT)
    row = rows[-1]
    if row["same_as"] is not None:
        return InUse(Standing.DEFAULT if row["same_as"] == 0 else Standing.RAN, row["same_as"])
    if summary.in_use is not None:
        return InUse(Standing.RAN, row["number"])
    if row["failure"] is not None:
        return InUse(Standing.FAILED, row["number"], row["reason"] or row["failure"])
    dropped = [note for note in summary.notes if "was dropped" in note]
    return InUse(Standing.FAILED, row["number"], "; ".join(dropped) or "it was not confirmed")


def _decided(summary: Summary, used: InUse, *, held_out: bool, owned: bool) -> tuple[Act, str]:
    better = summary.exit_code == ExitCode.DONE
    match used.standing:
        case Standing.NONE if summary.winner is None:
            return _defaults(owned)
        case Standing.NONE:
            return Act.PUT, summary.verdict
        case Standing.FAILED:
            return Act.PUT, f"the config in use does not run any more: {used.reason}"
        case _ if better and not held_out:
            return Act.LEAVE, (
                f"{summary.verdict} That is no proof: there are too few sessions to hold some back."
            )
        case _ if better:
            return Act.PUT, summary.verdict
    return Act.FOLLOW, f"nothing beats the config in use. {summary.verdict}"


def _defaults(owned: bool) -> tuple[Act, str]:
    if owned:
        return Act.LEAVE, (
            "nothing beats the engine's defaults, and files of your own stand at the places of "
            "the exports: they stay"
        )
    return Act.PUT, "nothing beats the engine's defaults: they are what later nights have to beat"


def _config(summary: Summary, folder: StudyFolder, used: InUse, act: Act) -> ExportConfig:
    """What the study recommends; where the config in use stays, that one as it was measured."""
    if act is Act.FOLLOW and used.standing is Standing.RAN and used.trial is not None:
        return trial_config(folder, used.trial)
    return recommended_config(folder)


def gain_of(summary: Summary) -> dict[str, Any]:
    """The figures that a generation keeps: against the config in use, else against the defaults."""
    over = (summary.in_use or {}).get("over")
    against_default = summary.in_use is None or (summary.in_use or {}).get("stays")
    if over is not None and not against_default:
        return {"speedup": over["ratio"], "low": over["low"], "high": over["high"],
                "over": "in use"}  # fmt: skip
    low, high = summary.interval or (None, None)
    return {"speedup": summary.speedup, "low": low, "high": high, "over": "default"}


def tuning_note(summary: Summary, folder: StudyFolder, budget_s: float | None) -> TuningNote:
    """What a night keeps of its study."""
    gain, result = gain_of(summary), folder.read_result() or {}
    if summary.exit_code == ExitCode.NOTHING_BETTER or (summary.in_use or {}).get("stays"):
        gain = dict.fromkeys(gain)  # nothing won; the verdict says how near the best came
    best = result.get("winner") or {}
    settings: Mapping[str, Setting] = best.get("settings") or {}
    return TuningNote(
        study=folder.name,
        budget_s=budget_s,
        trials=summary.trials,
        failed_trials=summary.failed,
        warm_from=_warm_from(folder),
        verdict=summary.verdict,
        speedup=gain["speedup"],
        low=gain["low"],
        high=gain["high"],
        sessions=_sessions(folder),
        quality=None if summary.quality is None else _quality(summary.quality),
        settings=dict(settings),
    )


def _quality(found: Mapping[str, Any]) -> str:
    refused = len(found["refused"])
    return f"{found['accepted']} sets of settings hold it, {refused} do not"


def _sessions(folder: StudyFolder) -> int | None:
    """How many sessions the proof was on."""
    found = {r.session_id for r in folder.read_turns() if r.arm.startswith("confirm-")}
    return len(found) or None


def _warm_from(folder: StudyFolder) -> tuple[str, ...]:
    return tuple(str(row["study"]) for row in folder.read_warm_start() or ())
