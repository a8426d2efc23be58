"""``autotune engine flags --check-space``: what is wrong with a search space, a line each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autotune.cli.io import CommandIO
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from autotune.launchers.protocol import EngineBuild, Launcher
    from autotune.search.space_faults import Fault


def check_space_of(launcher: Launcher, build: EngineBuild, own: str, io: CommandIO) -> int:
    """Faults of the engine's space, or of that in the file `own`, also beside the `build`.

    What an engine has not of a space that was written for another is no fault, and said apart.
    Raises `UserError` for an engine without a space and for a file that is not there.
    """
    from autotune.search.space_check import check_space, faults_of_file, standing_faults
    from autotune.search.standing import file_standing, space_file_of

    if own:
        where, (file, faults) = Path(own).name, faults_of_file(Path(own))
    else:
        file = space_file_of(launcher)
        where = Path(launcher.search_space or file.engine).with_suffix(".toml").name
        faults = check_space(file, where)
    lacks: tuple[Fault, ...] = ()
    if file is not None:
        standing = file_standing(file, launcher, build)
        lacks = standing_faults(standing, f"{build.engine} {build.version}", where)
    if own or file is None or file.engine == build.engine:
        faults, lacks = (*faults, *lacks), ()
    _show(io, where, faults, lacks, parameters=0 if file is None else len(file.parameters))
    return int(ExitCode.USAGE if faults else ExitCode.DONE)


def _show(
    io: CommandIO,
    where: str,
    faults: tuple[Fault, ...],
    lacks: tuple[Fault, ...],
    *,
    parameters: int,
) -> None:
    if io.json:
        io.emit_json({"space": where, "ok": not faults, "faults": faults, "lacks": lacks})
        return
    for fault in faults:
        io.out.print(fault.line, markup=False, soft_wrap=True)
    summary = f"{where}: {_counted(parameters, 'parameter')}, {_counted(len(faults), 'fault')}"
    if lacks:
        names = ", ".join(fault.parameter for fault in lacks)
        summary += f"; it is another engine's space, and this one is tuned without {names}"
    io.err.print(summary, markup=False, soft_wrap=True)


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
