"""The study folder: where each file of a study is, and how it is read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.study.files import read_json, write_json
from autotune.study.turn_log import TurnLog, read_turns

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RESULT_VERSION = "result/1"
SURVEY_VERSION = "survey/1"
SAMPLE_VERSION = "sample/1"
SHARED_VERSION = "shared/1"
HOLD_VERSION = "hold/1"
EFFECTS_VERSION = "effects/1"
ACCOUNT_VERSION = "account/1"
WARM_VERSION = "warm-start/1"


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """``studies/<name>/``. Nothing is created before something is written."""

    path: Path

    @property
    def name(self) -> str:
        """The study's name."""
        return self.path.name

    @property
    def database(self) -> Path:
        """Optuna's SQLite file."""
        return self.path / "study.db"

    @property
    def turns_path(self) -> Path:
        """One record a turn."""
        return self.path / "turns.jsonl"

    @property
    def logs(self) -> Path:
        """Engine logs, one a launch."""
        return self.path / "logs"

    @property
    def exports(self) -> Path:
        """Launch configs."""
        return self.path / "exports"

    @property
    def lock_path(self) -> Path:
        """Held while a process tunes this study."""
        return self.path / ".lock"

    def exists(self) -> bool:
        """Whether a study was begun here."""
        return (self.path / "provenance.json").is_file()

    def turn_log(self) -> TurnLog:
        """The turn log, open for appending."""
        return TurnLog(self.turns_path)

    def read_turns(self) -> Iterator[TurnRecord]:
        """Every record on disk, those of trials that never finished included."""
        return read_turns(self.turns_path)

    def write_provenance(self, data: dict[str, Any]) -> None:
        """What the study is measured on."""
        write_json(self.path / "provenance.json", data)

    def read_provenance(self) -> dict[str, Any]:
        """Raises `UserError` when there is no study here."""
        data = read_json(self.path / "provenance.json")
        if data is None:
            raise UserError(
                f"{self.path} is not a study", "see 'autotune study list' for those that are here"
            )
        return data

    def write_result(self, data: dict[str, Any]) -> None:
        """The verdict of a finished run."""
        write_json(self.path / "result.json", {"schema_version": RESULT_VERSION, **data})

    def read_result(self) -> dict[str, Any] | None:
        """The verdict, or ``None`` while there is none."""
        return read_json(self.path / "result.json")

    def drop_result(self) -> None:
        """Forget the verdict, because the study goes on."""
        (self.path / "result.json").unlink(missing_ok=True)

    def write_survey(self, data: dict[str, Any]) -> None:
        """How the engine counts the workload's prompts."""
        write_json(self.path / "survey.json", {"schema_version": SURVEY_VERSION, **data})

    def read_survey(self) -> dict[str, Any] | None:
        """The survey, or ``None`` before the first launch."""
        return read_json(self.path / "survey.json")

    def write_sample(self, data: dict[str, Any]) -> None:
        """Which sessions of the captures the study replays."""
        write_json(self.path / "sample.json", {"schema_version": SAMPLE_VERSION, **data})

    def read_sample(self) -> dict[str, Any] | None:
        """The sample, or ``None`` for a study of before there were any."""
        return read_json(self.path / "sample.json")

    def write_shared(self, data: dict[str, Any]) -> None:
        """Which turns the study shares with those of the other engines of its contest."""
        write_json(self.path / "shared.json", {"schema_version": SHARED_VERSION, **data})

    def read_shared(self) -> dict[str, Any] | None:
        """The shared turns, or ``None`` for a study that stands alone."""
        return read_json(self.path / "shared.json")

    def write_holds(self, rows: list[dict[str, Any]]) -> None:
        """Which configs were filled to depth, and what came of it."""
        write_json(self.path / "hold.json", {"schema_version": HOLD_VERSION, "configs": rows})

    def read_holds(self) -> list[dict[str, Any]]:
        """The configs that were filled; none before the first."""
        rows: list[dict[str, Any]] = (read_json(self.path / "hold.json") or {}).get("configs", [])
        return rows

    def write_effects(self, rows: list[dict[str, Any]]) -> None:
        """What each change of a finalist is worth, and which of them do nothing."""
        write_json(
            self.path / "effects.json", {"schema_version": EFFECTS_VERSION, "finalists": rows}
        )

    def read_effects(self) -> list[dict[str, Any]]:
        """The finalists whose changes were measured; none before the first."""
        data = read_json(self.path / "effects.json") or {}
        rows: list[dict[str, Any]] = data.get("finalists", [])
        return rows

    def write_account(self, seconds: Mapping[str, float]) -> None:
        """Where the wall time went so far, by part."""
        rows = {name: round(value, 3) for name, value in seconds.items()}
        write_json(self.path / "account.json", {"schema_version": ACCOUNT_VERSION, "seconds": rows})

    def read_account(self) -> dict[str, float]:
        """Where the wall time of former runs went; nothing before the first measurement."""
        rows: dict[str, float] = (read_json(self.path / "account.json") or {}).get("seconds", {})
        return rows

    def write_warm_start(self, rows: list[dict[str, Any]]) -> None:
        """What earlier studies know that this one begins with."""
        write_json(self.path / "warm_start.json", {"schema_version": WARM_VERSION, "studies": rows})

    def read_warm_start(self) -> list[dict[str, Any]] | None:
        """The earlier studies, or ``None`` where none were looked for."""
        data = read_json(self.path / "warm_start.json")
        return None if data is None else list(data["studies"])

    def engine_studies(self) -> list[StudyFolder]:
        """The studies of a contest's engines, in the order in which they were named.

        Empty for the study of one engine. Raises `UserError` when there is no study here.
        """
        engines = self.read_provenance().get("engines", ())
        return [StudyFolder(self.path / engine["label"]) for engine in engines]

    def read_trials(self) -> list[dict[str, Any]]:
        """Every trial in order, as plain data. Empty before the first one."""
        from autotune.study.storage import load_trials

        return [trial_row(trial) for trial in load_trials(self)]


def trial_row(trial: FrozenTrial) -> dict[str, Any]:
    """One Optuna trial as the plain row that commands show.

    ``state`` is ``complete``, ``stopped-early``, ``infeasible``, ``running``, ``waiting`` or
    ``interrupted``.
    """
    attrs = trial.user_attrs
    return {
        "number": trial.number,
        "state": attrs.get("outcome") or _STATES[trial.state.name],
        "value": trial.values[0] if trial.values else None,
        "settings": attrs.get("settings", {}),
        "changes": attrs.get("changes", {}),
        "label": attrs.get("label", ""),
        "failure": attrs.get("failure"),
        "reason": attrs.get("reason"),
        "seconds": attrs.get("seconds", {}),
        "metrics": attrs.get("metrics", {}),
        "extras": attrs.get("extras", {}),
        "log": attrs.get("log"),
        "same_as": attrs.get("same_as"),
        "retry_of": attrs.get("retry_of"),
    }


_STATES = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "interrupted",
    "RUNNING": "running",
    "WAITING": "waiting",
}


def list_studies(studies_dir: Path) -> list[StudyFolder]:
    """Studies below `studies_dir`, by name."""
    if not studies_dir.is_dir():
        return []
    folders = (StudyFolder(p) for p in sorted(studies_dir.iterdir()) if p.is_dir())
    return [folder for folder in folders if folder.exists()]
