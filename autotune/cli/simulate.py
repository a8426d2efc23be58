"""``autotune simulate``: search strategies compared without an engine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from autotune.candidate import number_from
from autotune.cli.find import find_study
from autotune.cli.io import CommandIO
from autotune.config.settings import DisplaySettings, StudiesSettings
from autotune.config.values import parse_duration
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from autotune.strategies.compared import Comparison, EngineTime
    from autotune.strategies.figures import Group
    from autotune.strategies.sources import Source

FOLDER = "simulate"
"""In the studies directory, where nothing else is named."""


class Simulate(DisplaySettings, StudiesSettings):
    """Compare search strategies on recorded or simulated measurements, without an engine.

    Each strategy searches the same setups with the same seeds, on a clock of engine-seconds, and
    is judged by the true value of what it would recommend. A setup is a simulated machine by its
    name (--list shows them) or the folder of a recording: a full factorial, or a finished study.

    Finished searches are kept in the output folder, and the same command goes on after Ctrl-C. It
    writes README.md, figures.csv, figures.json, curves.csv and a plot of each setup.

    With --study it shows one finished study beside random search of equal engine-time instead.

    Examples:
        autotune simulate --list
        autotune simulate --setup 3090-qwen-27b --seeds 20 --jobs 2
        autotune simulate --setup studies/factorial-llama-server-cpu --budget 20x --budget 100x
        autotune simulate --setup h100-qwen-32b-vllm --strategy ours --strategy random --budget 4h
        autotune simulate --setup 4090-qwen-30b-a3b --noise tenfold-bursts --strategy ours
        autotune simulate --study my-study
    """

    setup: list[str] = Field(
        default_factory=list,
        description="what is searched (may be repeated; default: every simulated machine)",
        json_schema_extra={"metavar": "NAME|FOLDER"},
    )
    strategy: list[str] = Field(
        default_factory=list,
        description="what searches (may be repeated; default: all but llama-optimus-own)",
        json_schema_extra={"metavar": "NAME"},
    )
    seeds: int = Field(50, ge=1, description="searches of each strategy")
    budget: list[str] = Field(
        default_factory=lambda: ["60x"],
        description="engine time of a search: 90s, 10m, 2h, or 60x: as long as 60 whole trials of "
        "the engine's defaults take (may be repeated; default: 60x)",
        json_schema_extra={"metavar": "TIME"},
    )
    noise: Literal["usual", "none", "quiet", "shared", "tenfold-bursts"] = Field(
        "usual",
        description="usual: as recorded; quiet, shared: of a simulated machine of one's own (usual "
        "of a card), or that others use too (usual of a processor); tenfold-bursts: as recorded or "
        "shared, with moments that take ten times as long",
    )
    jobs: int = Field(1, ge=1, description="processes that search side by side")
    output: Path | None = Field(
        None, description="folder of the results (default: simulate in the studies directory)"
    )
    study: str | None = Field(
        None, description="a finished study beside random search of equal engine-time"
    )
    list_: bool = Field(False, alias="list", description="show setups and strategies, and stop")

    def run(self, io: CommandIO) -> int:
        """Searches, and shows what came of it."""
        if self.list_:
            return self._list(io)
        if self.study is not None:
            return self._study(self.study, io)
        folder = self.output or self.studies_dir / FOLDER
        try:
            groups = self._groups(folder, io)
        except KeyboardInterrupt:
            again = shlex.join(io.argv)
            sys.stderr.write(f"interrupted; finished searches are in {folder}; to go on: {again}\n")
            return int(ExitCode.INTERRUPTED)
        self._show(groups, folder, io)
        return int(ExitCode.DONE)

    def asked(self) -> Comparison:
        """What is to be compared. Raises `UserError` for names that are not there."""
        from autotune.strategies.compared import Comparison
        from autotune.strategies.table import strategies_named

        return Comparison(
            sources=self._sources(),
            strategies=strategies_named(tuple(self.strategy)),
            noise=self.noise,
            seeds=self.seeds,
            budgets=tuple(map(engine_time, self.budget)),
        )

    def _sources(self) -> list[Source]:
        from autotune.strategies.sources import source_named, usual_sources

        if not self.setup:
            return usual_sources()
        found = [source_named(name, self.studies_dir) for name in dict.fromkeys(self.setup)]
        names = [source.name for source in found]
        if len(set(names)) < len(names):
            raise UserError(
                f"two setups are called {max(names, key=names.count)}", "compare them one by one"
            )
        return found

    def _groups(self, folder: Path, io: CommandIO) -> list[Group]:
        from autotune.report.simulate_progress import SearchProgress
        from autotune.strategies.compared import compare_strategies

        quiet = io.json and io.display == "auto"
        with SearchProgress("none" if quiet else io.display, io.err) as watch:
            return compare_strategies(self.asked(), folder, jobs=self.jobs, watch=watch)

    def _show(self, groups: list[Group], folder: Path, io: CommandIO) -> None:
        from autotune.report.simulate import document, print_groups
        from autotune.report.simulate_files import write_files

        files = write_files(groups, folder, shlex.join(io.argv))
        if io.json:
            io.emit_json({"folder": folder, "files": files, **document(groups)})
            return
        print_groups(groups, io.out)
        io.out.print(f"wrote {folder}", markup=False, soft_wrap=True)

    def _list(self, io: CommandIO) -> int:
        from autotune.strategies.sources import usual_sources
        from autotune.strategies.table import STRATEGIES

        setups = {source.name: source.title for source in usual_sources()}
        strategies = {name: strategy.about for name, strategy in STRATEGIES.items()}
        if io.json:
            io.emit_json({"setups": setups, "strategies": strategies})
            return int(ExitCode.DONE)
        from autotune.report.simulate import print_names

        print_names("simulated machines", setups, io.out)
        print_names("strategies", strategies, io.out)
        return int(ExitCode.DONE)

    def _study(self, name: str, io: CommandIO) -> int:
        from autotune.report.simulate_study import (
            baseline_document,
            baseline_plot,
            print_baseline,
        )
        from autotune.strategies.resample import random_baseline
        from autotune.study.files import write_text_atomic

        study = find_study(self.studies_dir, name)
        found = random_baseline(study)
        path = (self.output or study.path) / "random-search.svg"
        write_text_atomic(path, baseline_plot(found))
        if io.json:
            io.emit_json({**baseline_document(found), "files": [path]})
        else:
            print_baseline(found, io.out)
            io.out.print(f"wrote {path}", markup=False, soft_wrap=True)
        return int(ExitCode.DONE)


def engine_time(text: str) -> EngineTime:
    """``2h`` or ``60x``. Raises `UserError` for anything else, and for nothing."""
    from autotune.strategies.compared import EngineTime

    number = number_from(text[:-1]) if text.endswith("x") else None
    if number is not None and number > 0:
        return EngineTime(trials=number)
    try:
        seconds = float(parse_duration(text))
    except PydanticCustomError:
        seconds = 0.0
    if seconds <= 0:
        raise UserError(
            f"{text!r} is no budget",
            "write a time like 90s, 10m or 2h, or 60x for 60 whole trials of the defaults",
        )
    return EngineTime(seconds=seconds)
