"""One study as the dashboard shows it: read when its files changed, and kept while they did not."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from autotune.dashboard.alive import running_process
from autotune.dashboard.found import Found
from autotune.dashboard.pages import Pages
from autotune.dashboard.shelf import Artifact, Shelf, artifact_attrs
from autotune.dashboard.shown import as_shown, shown_trial
from autotune.dashboard.study_files import CONTEST, REPORT, StudyFiles
from autotune.dashboard.trial_files import TrialFiles
from autotune.dashboard.turn_index import TurnIndex
from autotune.dashboard.words import (
    objective_name,
    study_attributes,
    study_note,
    trial_attributes,
    trial_note,
)
from autotune.errors import AutotuneError
from autotune.search.ledger import COMPLETE
from autotune.search.planned import DEFAULT, INCUMBENT
from autotune.study.folder import trial_row
from autotune.study.read_only import log_of, signature
from autotune.study.storage import load_trials

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

TRIALS_A_STUDY = 1_000_000
"""Trials have numbers of their own over all studies: the study's, then the trial's."""

MOST_NOTES = 300
"""The dashboard looks through all notes for each trial: of more trials only attributes tell."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a study. `best` is its winner, else its best trial that has a score."""

    name: str
    user_attrs: dict[str, Any] = field(default_factory=dict)
    system_attrs: dict[str, Any] = field(default_factory=dict)
    trials: tuple[FrozenTrial, ...] = ()
    best: FrozenTrial | None = None


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A study as it was read."""

    provenance: Mapping[str, Any]
    result: Mapping[str, Any] | None
    trials: Sequence[FrozenTrial]
    rows: Sequence[Row]
    process: int | None

    @property
    def winner(self) -> int | None:
        """The trial that won."""
        found: int | None = ((self.result or {}).get("winner") or {}).get("trial")
        return found

    @property
    def default(self) -> int | None:
        """The trial of the engine's defaults."""
        rows = (r for r in self.rows if r["label"] == DEFAULT or not r["changes"])
        return next((r["number"] for r in rows if r["state"] == COMPLETE), None)

    def role(self, row: Row) -> str:
        """What the study makes of a trial."""
        if row["number"] == self.winner:
            return "winner"
        if row["label"] == INCUMBENT:
            return "in use"
        return "default" if row["number"] == self.default else ""


def state_of(result: Mapping[str, Any] | None, process: int | None) -> str:
    """Whether a study goes on, in words."""
    if result is not None:
        return "finished"
    return "unfinished" if process is None else f"running (process {process})"


class StudyView:
    """`found` under the number `study_id`; its files are offered on `shelf`."""

    def __init__(self, found: Found, study_id: int, shelf: Shelf, pages: Pages) -> None:
        self.found, self.study_id = found, study_id
        self._shelf, self._pages = shelf, pages
        self._index = TurnIndex(found.folder.turns_path)
        self._lock = threading.Lock()
        self._seen: object = None
        self._disk: OnDisk | None = None
        self._shown = Shown(found.name)
        self._weighed: tuple[object, Mapping[str, float]] | None = None

    def read(self) -> Shown:
        """As it is now. A study that cannot be read is as it last was, with what went wrong."""
        with self._lock:
            try:
                self._refresh()
            except AutotuneError as error:
                self._seen = None
                told = {**self._shown.user_attrs, "state": f"cannot be read: {error.message}"}
                return replace(self._shown, user_attrs=told)
            return self._shown

    def brief(self) -> Shown:
        """What a list says of it; its trials are not read."""
        folder = self.found.folder
        try:
            state = state_of(folder.read_result(), running_process(folder))
            facts = study_attributes(folder.read_provenance(), folder.read_result(), state)
        except AutotuneError as error:
            facts = {"state": f"cannot be read: {error.message}"}
        return Shown(self.found.name, facts)

    def importances(self) -> Mapping[str, float]:
        """Which settings matter, as shares of 1; empty where nothing can be said of it."""
        from autotune.search.importance import stored_importance

        folder = self.found.folder
        stamp = signature(folder.database, log_of(folder.database))
        with self._lock:
            if self._weighed is None or self._weighed[0] != stamp:
                try:
                    told = stored_importance(folder) or {}
                except AutotuneError:
                    told = {}
                self._weighed = (stamp, told.get("shares", {}))
            return self._weighed[1]

    def _refresh(self) -> None:
        folder = self.found.folder
        files = (folder.database, log_of(folder.database), folder.path / "result.json")
        process = running_process(folder)
        stamp = (*signature(*files, folder.path / "provenance.json"), process)
        figures = self._pages.figures(folder.path, stamp)
        seen = (stamp, signature(folder.turns_path, folder.logs), tuple(figures))
        if seen == self._seen:
            return
        disk = read_disk(self.found, process)
        self._shown = self._made(disk, StudyFiles(folder, figures, self.found.contest, self._logs))
        self._disk, self._seen = disk, seen

    def _made(self, disk: OnDisk, files: StudyFiles) -> Shown:
        offered = list(files.all())
        trial_files = TrialFiles.of(self.found.folder, self._index.arms(), disk.default)
        self._shelf.put(offered)
        facts = study_attributes(disk.provenance, disk.result, state_of(disk.result, disk.process))
        attrs = {
            "study:metric_names": [objective_name(disk.provenance)],
            **artifact_attrs(offered),
            **_note(None, study_note(facts, self._links(offered))),
        }
        trials = []
        for trial, row in zip(disk.trials, disk.rows, strict=True):
            shown, note = self._trial(trial, row, disk.role(row), trial_files)
            trials.append(shown)
            if len(disk.rows) <= MOST_NOTES:
                attrs |= _note(shown._trial_id, note)
        return Shown(self.found.name, facts, attrs, tuple(trials), best_of(disk, trials))

    def _trial(
        self, trial: FrozenTrial, row: Row, role: str, files: TrialFiles
    ) -> tuple[FrozenTrial, str]:
        offered = list(files.of_trial(trial))
        self._shelf.put(offered)
        number = self.study_id * TRIALS_A_STUDY + trial.number
        logs = {one.filename: self._address(one, number) for one in offered if _is_log(one)}
        told = ", ".join(f"[{name}]({url})" for name, url in logs.items())
        shown = shown_trial(
            trial,
            row,
            trial_id=number,
            user_attrs=trial_attributes(row, role),
            system_attrs=artifact_attrs(offered),
        )
        return shown, trial_note(row, role) + (f"\n\nEngine logs: {told}" if told else "")

    def _links(self, offered: Sequence[Artifact]) -> dict[str, str]:
        names = {REPORT: "the report", CONTEST: "the report of the contest"}
        return {names[a.filename]: self._address(a) for a in offered if a.filename in names}

    def _address(self, artifact: Artifact, trial_id: int | None = None) -> str:
        between = "" if trial_id is None else f"{trial_id}/"
        return f"/artifacts/{self.study_id}/{between}{artifact.artifact_id}"

    def _logs(self) -> dict[str, str]:
        """The addresses of engine logs by the names of their files."""
        disk = self._disk
        if disk is None:
            return {}
        files = TrialFiles.of(self.found.folder, frozenset(), disk.default)
        return {
            one.filename: self._address(one, self.study_id * TRIALS_A_STUDY + trial.number)
            for trial in disk.trials
            for one in files.of_trial(trial)
            if _is_log(one)
        }


def read_disk(found: Found, process: int | None) -> OnDisk:
    """Raises `AutotuneError` for a study that cannot be read."""
    folder = found.folder
    trials = load_trials(folder)
    rows = [trial_row(trial) for trial in trials]
    return OnDisk(
        provenance=folder.read_provenance(),
        result=folder.read_result(),
        trials=trials,
        rows=[as_shown(row, rows, process is not None) for row in rows],
        process=process,
    )


def best_of(disk: OnDisk, shown: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The winner; where there is none the trial with the least score, which nothing confirmed."""
    if disk.winner is not None:
        return next((trial for trial in shown if trial.number == disk.winner), None)
    return min((t for t in shown if t.values), key=lambda t: t.values[0], default=None)


def _is_log(artifact: Artifact) -> bool:
    return artifact.filename.endswith(".log")


def _note(trial_id: int | None, text: str) -> dict[str, Any]:
    """A note in Markdown as optuna-dashboard keeps it among a study's system attributes."""
    whose = "" if trial_id is None else f"{trial_id}:"
    return {f"dashboard:{whose}note_ver": 1, f"dashboard:{whose}note_str:0": text}


def views_of(
    founds: Sequence[Found], known: Mapping[Any, StudyView], shelf: Shelf, pages: Pages
) -> Iterator[tuple[Any, StudyView]]:
    """A view for each study by its folder; those that are known keep their numbers."""
    last = max((view.study_id for view in known.values()), default=0)
    for found in founds:
        path = found.folder.path.resolve()
        view = known.get(path)
        if view is None:
            last += 1
            view = StudyView(found, last, shelf, pages)
        yield path, view
