"""What of the config in use tonight's engine still takes, and in which words that is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightly_site import config as base

from autotune.candidate import Setting
from autotune.export.model import ExportConfig
from autotune.launchers.failure import Failure, FailureKind
from autotune.launchers.program import FlagUsage
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import Form, Spelling, spell
from autotune.nightly.incumbent_fit import MOST_STARTS, Fitted, asked_of_build, fit, proven
from autotune.search.incumbent import read_incumbent
from autotune.search.request import RunRequest

FORMS = {"swa-checkpoints": (Form(name="swa-checkpoint-count"),)}
GONE = FlagUsage("N", "the argument has been removed")


@dataclass
class Spelled:
    """A launcher as far as flags go."""

    build: EngineBuild

    def spelling(self, setting: str) -> Spelling:
        return spell(setting, self.build, FORMS)


def build(*flags: str, **usage: FlagUsage) -> EngineBuild:
    return EngineBuild("llama-server", "", "b2", "x", frozenset(flags), usage)


def config(told: dict[str, Setting], more: dict[str, Setting] | None = None) -> ExportConfig:
    whole = {**told, **(more or {}), "model": "/m.gguf"}
    made = base()
    return ExportConfig(told, whole, made.argv, {}, made.provenance)


def fitted(of: ExportConfig, engine: EngineBuild, *, full: bool = False) -> Fitted:
    launcher: Any = Spelled(engine)
    return fit(of, launcher, engine, full=full)


def test_what_the_help_lists_is_kept() -> None:
    found = fitted(config({"poll": 50}, {"threads": 2}), build("poll", "threads"))
    assert found.settings == {"poll": 50, "threads": 2}
    assert found.told == {"poll": 50}
    assert not found.is_other


def test_what_it_does_not_list_is_left_out_and_told() -> None:
    found = fitted(config({"poll": 50, "mlock": True}), build("mlock", poll=GONE))
    assert found.told == found.settings == {"mlock": True}
    (note,) = found.dropped
    assert (note.setting, note.value) == ("poll", "50")
    assert note.why == "this build has no --poll: its help says that it was removed"
    (note,) = fitted(config({"mlock": True}), build("poll")).dropped
    assert note.value == "true"
    assert note.why == "this build has no --mlock: its help does not list it"


def test_defaults_that_are_stated_go_without_a_word_where_no_export_states_them() -> None:
    both = config({"poll": 50}, {"threads": 2})
    assert fitted(both, build("poll")).dropped == ()
    assert fitted(both, build("poll")).settings == {"poll": 50}
    (note,) = fitted(both, build("poll"), full=True).dropped
    assert note.setting == "threads"


def test_another_name_is_no_loss() -> None:
    found = fitted(config({"swa-checkpoints": 3}), build("swa-checkpoint-count"))
    assert found.told == {"swa-checkpoints": 3}
    assert found.dropped == ()
    assert found.renamed == {"swa-checkpoints": "--swa-checkpoint-count"}
    assert found.is_other


def test_an_engine_that_lists_no_flags_is_believed() -> None:
    assert fitted(config({"poll": 50}), build()).told == {"poll": 50}


class Starts:
    """An engine that refuses flags one at a time, as llama.cpp's parser does."""

    def __init__(self, *refused: str, failure: Failure | None = None) -> None:
        self.refused, self.failure, self.count = refused, failure, 0

    def __call__(self, settings: Mapping[str, Setting]) -> Failure | None:
        self.count += 1
        for name in self.refused:
            if name in settings:
                return Failure(FailureKind.BAD_FLAG, f"error: invalid argument: --{name}")
        return self.failure


def started(of: ExportConfig, start: Starts) -> Fitted:
    engine = build(*of.full_settings)
    launcher: Any = Spelled(engine)
    return proven(fit(of, launcher, engine), launcher, engine, start)


def test_what_is_refused_at_the_start_is_left_out_one_by_one() -> None:
    start = Starts("poll", "threads")
    found = started(config({"poll": 50, "threads": 2, "mlock": True}), start)
    assert start.count == 3
    assert found.problem is None
    assert found.told == {"mlock": True}
    assert [note.setting for note in found.dropped] == ["poll", "threads"]
    assert found.dropped[0].why == "the engine refuses it: error: invalid argument: --poll"


def test_settings_that_it_does_not_run_with_are_left_out() -> None:
    differs = Failure(FailureKind.SETTINGS_DIFFER, "it runs with poll 0", settings=("poll",))
    start = Starts(failure=differs)
    found = started(config({"poll": 50, "mlock": True}), start)
    assert found.told == {"mlock": True}
    assert found.problem == differs  # it says so of whatever is left, too


def test_what_is_no_flags_fault_is_a_problem_and_loses_nothing() -> None:
    full = Failure(FailureKind.OUT_OF_MEMORY, "no memory for --poll")
    found = started(config({"poll": 50}), Starts(failure=full))
    assert found.problem == full
    assert found.told == {"poll": 50}


def test_it_is_not_started_for_ever() -> None:
    names = [f"flag-{n}" for n in range(MOST_STARTS + 3)]
    start = Starts(*names)
    found = started(config(dict.fromkeys(names, 1)), start)
    assert start.count == MOST_STARTS
    assert found.problem is not None


def test_the_file_is_one_that_a_run_takes(tmp_path: Path) -> None:
    found = fitted(config({"poll": 50, "mlock": True}), build("mlock"))
    path = found.write(tmp_path / "incumbent.json", "llama-server")
    assert read_incumbent(path) == {"mlock": True}
    assert json.loads(path.read_text())["provenance"] == {"engine": "llama-server"}


def test_what_a_target_says_of_a_flag_that_is_gone_is_left_out() -> None:
    request = RunRequest(
        workload=Path("w"), pins={"poll": 0, "threads": 2}, fixes={"mlock": True},
        tables={"poll": {"choices": [0, 50]}, "swa-checkpoints": {"choices": [1]}},
    )  # fmt: skip
    engine = build("threads", "swa-checkpoint-count")
    launcher: Any = Spelled(engine)
    kept, gone = asked_of_build(request, launcher, engine)
    assert gone == ("poll", "mlock")
    assert (kept.pins, kept.fixes) == ({"threads": 2}, {})
    assert kept.tables == {"swa-checkpoints": {"choices": [1]}}
    assert asked_of_build(kept, launcher, engine) == (kept, ())
