"""``autotune engine list``: which engines run here, and what of their search spaces they take."""

from __future__ import annotations

import builtins
import os
from typing import TYPE_CHECKING, Any

from pydantic import Field

from autotune.cli.io import CommandIO
from autotune.config.settings import Section
from autotune.errors import AutotuneError, ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from autotune.launchers.probe_memory import ProbeMemory
    from autotune.launchers.protocol import EngineBuild, Launcher

_SHORT_HASH = 12


class EngineList(Section):
    """The engines that autotune knows, and which of them run here.

    Also which search space goes with each, and how many of its parameters the build accepts. What
    an engine says of itself is remembered until its program or its packages change. An engine of
    your own is not listed: name its manifest wherever an engine is asked for.

    Examples:
        autotune engine list
        autotune engine list --json
    """

    fresh: bool = Field(False, description="ask every engine again, whatever is remembered")

    def run(self, io: CommandIO) -> int:
        """A row an engine."""
        from autotune.launchers.registry import known_engines

        with io.err.status("asking engines what they are"):
            rows = all_rows(known_engines(), memory(fresh=self.fresh))
        if io.json:
            io.emit_json({"engines": rows})
        else:
            _print_engines(io, rows)
        return int(ExitCode.DONE)


def memory(*, fresh: bool) -> ProbeMemory:
    """What engines said of themselves, in the user's cache."""
    from autotune.cli.user_cache import probe_folder
    from autotune.launchers.probe_memory import ProbeMemory

    return ProbeMemory(probe_folder(os.environ), fresh=fresh)


def all_rows(names: tuple[str, ...], known: ProbeMemory) -> builtins.list[dict[str, Any]]:
    """A row an engine; all are asked at once, as some take seconds to answer."""
    from concurrent.futures import ThreadPoolExecutor

    from autotune.launchers.probe_memory import remembering

    def row(name: str) -> dict[str, Any]:
        with remembering(known):
            return _row(name)

    with ThreadPoolExecutor(len(names), thread_name_prefix="engine") as pool:
        return list(pool.map(row, names))


def _row(name: str) -> dict[str, Any]:
    """What is known of one engine; `problem` and `hint` are ``None`` for one that runs.

    `parameters` are those of its search space, `accepted` how many the build takes; ``None``
    where that cannot be told.
    """
    from autotune.launchers.registry import make_launcher

    unknown = ("version", "path", "binary_sha256", "parameters", "accepted", "problem", "hint")
    row: dict[str, Any] = {"name": name, **dict.fromkeys(unknown)}
    launcher = make_launcher(name)
    row["search_space"] = launcher.search_space
    try:
        build = launcher.detect()
    except AutotuneError as error:
        return {**row, "problem": error.message, "hint": error.hint}
    told = {n: getattr(build, n) for n in ("version", "path", "binary_sha256")}
    return {**row, **told, **_space_of(launcher, build)}


def _space_of(launcher: Launcher, build: EngineBuild) -> dict[str, Any]:
    from autotune.search.standing import space_standing

    try:
        standing = space_standing(launcher, build)
    except UserError:
        return {}
    return {"parameters": len(standing.rows), "accepted": standing.accepted}


def _print_engines(io: CommandIO, rows: builtins.list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in dict(_COLUMNS):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(cell(row) for _, cell in _COLUMNS))
    io.out.print(table)
    for note in _notes(rows):
        io.err.print(note, markup=False, soft_wrap=True)


def _notes(rows: builtins.list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["problem"] is not None:
            yield f"{row['name']}: {row['problem']}; {row['hint']}"
        elif row["accepted"] is not None and row["accepted"] < row["parameters"]:
            yield f"{row['name']}: see what it does not take: autotune engine flags {row['name']}"


def _accepted(row: dict[str, Any]) -> str:
    """``24 of 27``: what the build takes of its space, which is named if it is another's."""
    if row["parameters"] is None:
        return ""
    count = "?" if row["accepted"] is None else row["accepted"]
    space = "" if row["search_space"] == row["name"] else f" ({row['search_space']})"
    return f"{count} of {row['parameters']}{space}"


_COLUMNS: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("engine", lambda row: row["name"]),
    ("version", lambda row: row["version"] or "not installed"),
    ("sha256", lambda row: (row["binary_sha256"] or "")[:_SHORT_HASH]),
    ("parameters", _accepted),
    ("program", lambda row: row["path"] or ""),
)
