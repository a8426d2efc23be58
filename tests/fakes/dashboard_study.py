"""A study with a trial of every kind, made by the search itself on a measurer that is a formula."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from formula import Bench, FormulaMeasurer
from report_data import PROVENANCE

from autotune.launchers.failure import Failure, FailureKind
from autotune.study.folder import StudyFolder

TRIALS = 12


class Killed(BaseException):
    """Stands for Ctrl-C twice: passes every ``except Exception``."""


def fails(settings: Mapping[str, Any]) -> Failure | None:
    """Large batches do not fit."""
    if settings["batch-size"] == 1024:
        return Failure(FailureKind.OUT_OF_MEMORY, "no room for *it* <here>")
    return None


def kill_at(count: int) -> FormulaMeasurer:
    """A measurer that is interrupted in its launch number `count`."""

    def before(measured: int) -> None:
        if measured == count:
            raise Killed

    return FormulaMeasurer(fails=fails, before=before)


def make_study(path: Path, trials: int = TRIALS) -> StudyFolder:
    """`trials` trials, one of which was interrupted and made again."""
    bench = Bench(path)
    with pytest.raises(Killed):
        bench.run(kill_at(3), trials)
    bench.run(FormulaMeasurer(fails=fails), trials)
    folder = StudyFolder(path)
    folder.write_provenance({**PROVENANCE, "engine": "made-up"})
    folder.logs.mkdir()
    for row in folder.read_trials():
        (folder.logs / f"trial-{row['number']:04d}-b0.log").write_text(f"log {row['number']}\n")
    (folder.logs / "confirm-0011-default-b0.log").write_text("the default again\n")
    return folder


def ends(folder: StudyFolder, winner: int) -> None:
    """The study is finished with this winner."""
    result = {
        "summary": {"verdict": f"Trial {winner} beats the default."},
        "winner": {"trial": winner, "settings": {}},
    }
    (folder.path / "result.json").write_text(json.dumps({"schema_version": "result/1", **result}))
