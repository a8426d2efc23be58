"""``autotune engine flags``: a search space beside the flags that a build accepts."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.engine_check import ENGINE, ENGINE_PATH
from autotune.cli.engine_list import memory
from autotune.cli.engine_space import check_space_of
from autotune.cli.io import CommandIO
from autotune.config.settings import Section
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from autotune.launchers.protocol import EngineBuild, Launcher
    from autotune.search.standing import ParameterStanding, SpaceStanding

_UNTOLD = "does not say which flags it accepts: its manifest names no help"


class EngineFlags(Section):
    """The parameters of an engine's search space, and what this build calls each.

    An older build has other names for some flags, and has not every one: what it calls by another
    name is tuned under that name, what it has not is not tuned. With --all, every flag that the
    build accepts, from its own --help.

    With --check-space the space itself is looked through, and what the GPU profiles lay over it, or
    one of your own in FILE: every fault is named, a line each, and the code is 2 if there is any.

    Examples:
        autotune engine flags llama-server
        autotune engine flags llama-server --engine-path ~/llama.cpp/build/bin/llama-server
        autotune engine flags my-engine.toml --all
        autotune engine flags vllm --check-space
        autotune engine flags my-engine.toml --check-space my-space.toml
    """

    engine: CliPositionalArg[str] = Field(description=ENGINE)
    engine_path: Path | None = Field(None, description=ENGINE_PATH)
    all: bool = Field(False, description="every flag that the build accepts, one a line")
    check_space: str | None = Field(
        None,
        description="look for faults in the search space, or in the one in FILE",
        json_schema_extra={"metavar": "FILE", "without_value": ""},
    )
    fresh: bool = Field(False, description="ask the engine again, whatever is remembered")

    def run(self, io: CommandIO) -> int:
        """A row a parameter, a flag a line, or a fault a line."""
        from autotune.launchers.probe_memory import remembering
        from autotune.launchers.registry import make_launcher

        launcher = make_launcher(self.engine, engine_path=self.engine_path)
        with remembering(memory(fresh=self.fresh)):
            build = launcher.detect()
        if self.check_space is not None:
            return check_space_of(launcher, build, self.check_space, io)
        standing = _standing(launcher, build, io)
        if io.json:
            io.emit_json(_document(build, standing))
        elif self.all or standing is None:
            _print_all(io, build)
        else:
            _print_standing(io, build, standing)
        return int(ExitCode.DONE)


def _standing(launcher: Launcher, build: EngineBuild, io: CommandIO) -> SpaceStanding | None:
    """``None``, with a note, for an engine without a search space."""
    from autotune.search.standing import space_standing

    try:
        return space_standing(launcher, build)
    except UserError as error:
        io.err.print(f"{error.message}; {error.hint}", markup=False, soft_wrap=True)
        return None


def _document(build: EngineBuild, standing: SpaceStanding | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "engine": build.engine,
        "version": build.version,
        "path": build.path,
        "binary_sha256": build.binary_sha256,
        "search_space": None if standing is None else standing.space,
        "accepted": None if standing is None else standing.accepted,
        "parameters": [] if standing is None else [_entry(row) for row in standing.rows],
        "flags": sorted(build.flags),
    }
    return found


def _entry(row: ParameterStanding) -> dict[str, Any]:
    told = row.spelling
    return {
        "name": told.setting,
        "standing": told.standing.value,
        "called": told.shown or None,
        "refused_values": list(row.refused),
        "advice": told.advice or None,
        "searched": row.searched,
    }


def _print_all(io: CommandIO, build: EngineBuild) -> None:
    for flag in sorted(build.flags):
        io.out.print(f"--{flag}", markup=False)
    if not build.flags:
        io.err.print(f"{build.engine} {_UNTOLD}", markup=False, soft_wrap=True)


def _print_standing(io: CommandIO, build: EngineBuild, standing: SpaceStanding) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("parameter", "in this build"):
        table.add_column(column, no_wrap=True)
    table.add_column("", overflow="fold")
    for row in standing.rows:
        table.add_row(row.spelling.setting, row.spelling.shown, _remark(row))
    io.out.print(table, markup=False)
    io.err.print(_summary(build, standing), markup=False, soft_wrap=True)
    if standing.accepted is None:
        io.err.print(f"{build.engine} {_UNTOLD}", markup=False, soft_wrap=True)


def _remark(row: ParameterStanding) -> str:
    from autotune.launchers.spelling import Standing

    told = row.spelling
    words: builtins.list[str] = []
    if told.standing is Standing.RENAMED:
        words.append("another name")
    elif told.standing is Standing.SAME and not told.shown:
        words.append("written by autotune in a form of its own")
    elif told.standing in (Standing.REMOVED, Standing.UNKNOWN):
        words.append(f"{told.standing.value}: not tuned")
    if not row.searched:
        words.append("only where you ask for it")
    if row.refused:
        words.append(f"without {', '.join(row.refused)}")
    return "; ".join([*words, *([told.advice] if told.advice else [])])


def _summary(build: EngineBuild, standing: SpaceStanding) -> str:
    """``llama-server b1: 20 of 27 parameters of llama-server: 18 same, 2 renamed, ...``."""
    from autotune.launchers.spelling import Standing

    counts = [(s.value, standing.count(s)) for s in Standing]
    told = ", ".join(f"{count} {name}" for name, count in counts if count)
    accepted = "?" if standing.accepted is None else standing.accepted
    total = f"{accepted} of {len(standing.rows)} parameters of {standing.space} can be tuned"
    return f"{build.engine} {build.version}: {total}: {told}"
