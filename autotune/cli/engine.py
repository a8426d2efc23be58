"""``autotune engine``: which engines are here, what they take, whether they keep the contract."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field
from pydantic_settings import CliPositionalArg, CliSubCommand

from autotune.cli.io import CommandIO
from autotune.config.settings import Section
from autotune.config.values import Pins
from autotune.errors import ExitCode, MachineError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autotune.launchers.contract import Bench, Outcome
    from autotune.launchers.protocol import Launcher

_ENGINE = "llama-server, reference, or the path of a manifest (.toml)"
_ENGINE_PATH = "the engine's program, if not on PATH"


class EngineList(Section):
    """The engines that autotune knows, and which of them run here.

    An engine of your own is not listed: name its manifest wherever an engine is asked for.

    Examples:
        autotune engine list
        autotune engine list --json
    """

    def run(self, io: CommandIO) -> int:
        """A row an engine."""
        from autotune.launchers.registry import known_engines

        rows = [_row(name) for name in known_engines()]
        if io.json:
            io.emit_json({"engines": rows})
        else:
            _print_engines(io, rows)
        return int(ExitCode.DONE)


def _row(name: str) -> dict[str, Any]:
    """What is known of one engine; `problem` and `hint` are ``None`` for one that runs."""
    from autotune.launchers.registry import make_launcher

    row: dict[str, Any] = dict.fromkeys(("version", "path", "binary_sha256", "problem", "hint"))
    row["name"] = name
    try:
        build = make_launcher(name).detect()
    except MachineError as error:
        return {**row, "problem": error.message, "hint": error.hint}
    return {
        **row,
        "version": build.version,
        "path": build.path,
        "binary_sha256": build.binary_sha256,
    }


def _print_engines(io: CommandIO, rows: builtins.list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("engine", "version", box=None, pad_edge=False)
    table.add_column("program", overflow="fold")
    for row in rows:
        table.add_row(row["name"], row["version"] or "not installed", row["path"] or "")
    io.out.print(table)
    for row in rows:
        if row["problem"] is not None:
            note = f"{row['name']}: {row['problem']}; {row['hint']}"
            io.err.print(note, markup=False, soft_wrap=True)


class EngineFlags(Section):
    """The flags that this build of an engine accepts, from its own --help.

    Examples:
        autotune engine flags llama-server
        autotune engine flags llama-server --engine-path ~/llama.cpp/build/bin/llama-server
    """

    engine: CliPositionalArg[str] = Field(description=_ENGINE)
    engine_path: Path | None = Field(None, description=_ENGINE_PATH)

    def run(self, io: CommandIO) -> int:
        """One flag a line."""
        from autotune.launchers.registry import make_launcher

        build = make_launcher(self.engine, engine_path=self.engine_path).detect()
        flags = sorted(build.flags)
        if io.json:
            io.emit_json({"engine": build.engine, "version": build.version, "flags": flags})
            return int(ExitCode.DONE)
        for flag in flags:
            io.out.print(f"--{flag}", markup=False)
        if not flags:
            note = f"{build.engine} does not say which flags it accepts: its manifest names no help"
            io.err.print(note, markup=False, soft_wrap=True)
        return int(ExitCode.DONE)


class EngineCheck(Section):
    """Start an engine a few times and check that it keeps the contract.

    Needs a model that loads fast; a small one of the same family will do. Ends with code 3 when
    anything fails.

    Examples:
        autotune engine check reference --model small.gguf --set ctx-size=2048
        autotune engine check my-engine.toml --model /models/small --json
    """

    engine: CliPositionalArg[str] = Field(description=_ENGINE)
    model: Path = Field(description="the model to load")
    engine_path: Path | None = Field(None, description=_ENGINE_PATH)
    set_: Pins = Field(
        default_factory=dict,
        alias="set",
        description="launch with this flag: --set ctx-size=2048 (may be repeated)",
    )
    start_timeout: float = Field(600.0, gt=0, description="seconds that a start may take")

    def run(self, io: CommandIO) -> int:
        """A line a check."""
        import tempfile

        from autotune.launchers.contract import run_checks
        from autotune.launchers.registry import make_launcher

        if not self.model.exists():
            raise UserError(f"there is no model at {self.model}", "give --model an existing file")
        launcher = make_launcher(self.engine, engine_path=self.engine_path)
        launcher.detect()
        with tempfile.TemporaryDirectory(prefix="autotune-check-") as folder:
            outcomes = _shown(io, run_checks(self._bench(launcher, Path(folder))))
        failed = [outcome for outcome in outcomes if outcome.problem is not None]
        if io.json:
            io.emit_json({"engine": launcher.name, "ok": not failed, "checks": outcomes})
        return int(ExitCode.MACHINE if failed else ExitCode.DONE)

    def _bench(self, launcher: Launcher, folder: Path) -> Bench:
        from autotune.candidate import Candidate
        from autotune.launchers.contract import Bench

        candidate = Candidate(self.set_)
        return Bench(launcher, self.model.resolve(), folder, candidate, self.start_timeout)


def _shown(io: CommandIO, outcomes: Iterator[Outcome]) -> builtins.list[Outcome]:
    """All of `outcomes`; each is a line on stdout as soon as it is known, unless JSON is asked."""
    done = []
    for outcome in outcomes:
        done.append(outcome)
        if not io.json:
            mark = "[ok]  " if outcome.problem is None else "[fail]"
            text = outcome.about if outcome.problem is None else outcome.problem
            io.out.print(f"{mark} {outcome.name}: {text}", markup=False, soft_wrap=True)
    return done


class Engine(BaseModel):
    """Which engines are here, and whether they keep the contract.

    Examples:
        autotune engine list
        autotune engine check my-engine.toml --model small.gguf
    """

    list: CliSubCommand[EngineList]
    flags: CliSubCommand[EngineFlags]
    check: CliSubCommand[EngineCheck]
