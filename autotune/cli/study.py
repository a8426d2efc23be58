"""``autotune study``: what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field
from pydantic_settings import CliPositionalArg, CliSubCommand

from autotune.cli.find import find_study
from autotune.cli.io import CommandIO
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autotune.records import TurnRecord
    from autotune.study.folder import StudyFolder


class StudyList(StudiesSettings):
    """The studies in the studies directory.

    Examples:
        autotune study list
        autotune study list --studies-dir ~/tuning --json
    """

    def run(self, io: CommandIO) -> int:
        """A row a study."""
        from autotune.report.studies import print_studies, study_row
        from autotune.study.folder import list_studies

        rows = [study_row(folder) for folder in list_studies(self.studies_dir)]
        if io.json:
            io.emit_json({"studies": rows})
        elif rows:
            print_studies(rows, io.out)
        else:
            io.err.print(f"no studies in {self.studies_dir}; autotune run makes one", markup=False)
        return int(ExitCode.DONE)


class StudyShow(StudiesSettings):
    """One study: its verdict, what it was measured on, its trials, and the rest of its report.

    Of a contest between engines it is the studies of all of them; one is named CONTEST/ENGINE.

    Examples:
        autotune study show my-study
        autotune study show my-study --json
        autotune study show my-contest/llama-server
    """

    name: CliPositionalArg[str] = Field(description="name of the study, or its folder")

    def run(self, io: CommandIO) -> int:
        """Verdict, provenance, a row a trial, then before and after, turns, noise and time."""
        from autotune.report.studies import print_contest, print_study

        folder = find_study(self.studies_dir, self.name)
        document = _document(folder)
        if studies := folder.engine_studies():
            document["engines"] = [_document(study) for study in studies]
        if io.json:
            io.emit_json(document)
        elif studies:
            print_contest(document, io.out)
        else:
            print_study(document, io.out)
        if not io.json:
            from autotune.report.page.story import print_story

            print_story(folder, io.out)
        return int(ExitCode.DONE)


def _document(folder: StudyFolder) -> dict[str, Any]:
    from autotune.search.importance import stored_importance

    return {
        "name": folder.name,
        "provenance": folder.read_provenance(),
        "result": folder.read_result(),
        "trials": folder.read_trials(),
        "importance": stored_importance(folder),
    }


class StudyTurns(StudiesSettings):
    """Every measured turn of a study.

    Examples:
        autotune study turns my-study --trial 3
        autotune study turns my-study --json > turns.jsonl
        autotune study turns my-study --csv turns.csv
    """

    name: CliPositionalArg[str] = Field(description="name of the study, or its folder")
    arm: str | None = Field(None, description="only this arm, as named in the table")
    trial: int | None = Field(None, ge=0, description="only this trial of the search")
    csv: Path | None = Field(None, description="write them to this file as CSV instead")

    def run(self, io: CommandIO) -> int:
        """A row a turn; with --json one object a line."""
        from autotune.report.studies import print_turns
        from autotune.scoring.warmth import classified

        turns = self._chosen(find_study(self.studies_dir, self.name))
        if self.csv is not None:
            from autotune.report.frames import write_turns_csv

            count = write_turns_csv(turns, self.csv)
            io.err.print(f"{count} turns in {self.csv}", markup=False)
        elif io.json:
            for turn, kind in classified(turns):
                io.emit_json({**turn.to_json(), "warmth": kind.value})
        else:
            print_turns(turns, io.out)
        return int(ExitCode.DONE)

    def _chosen(self, folder: StudyFolder) -> Iterator[TurnRecord]:
        from autotune.search.ledger import arm_name

        arms = {self.arm, None if self.trial is None else arm_name(self.trial)} - {None}
        return (turn for turn in folder.read_turns() if not arms or turn.arm in arms)


class Study(BaseModel):
    """What was measured.

    Examples:
        autotune study list
        autotune study show my-study
    """

    list: CliSubCommand[StudyList]
    show: CliSubCommand[StudyShow]
    turns: CliSubCommand[StudyTurns]
