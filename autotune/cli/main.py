"""The entry point: names a command, parses it, runs it, and turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autotune import __version__
from autotune.cli.commands import COMMANDS
from autotune.cli.errors import report, unexpected
from autotune.cli.help import top_help
from autotune.errors import AutotuneError, ExitCode, MachineError, UserError

if TYPE_CHECKING:
    from autotune.cli.tree import Found

PIPE_CLOSED = 141
"""128 + SIGPIPE: what a shell reports for a program whose reader went away."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """argv less the global flags, which may stand anywhere before a ``--``."""

    words: tuple[str, ...]
    json: bool
    debug: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and gives its exit code; never lets a traceback through."""
    line = split_globals(sys.argv[1:] if argv is None else argv)
    try:
        return _guarded(line)
    except BrokenPipeError:
        return _reader_left()


def split_globals(argv: Sequence[str]) -> CommandLine:
    """Takes ``--json`` and ``--debug`` out of `argv`, wherever they stand before ``--``."""
    end = argv.index("--") if "--" in argv else len(argv)
    head, tail = argv[:end], argv[end:]
    words = [word for word in head if word not in ("--json", "--debug")]
    return CommandLine((*words, *tail), "--json" in head, "--debug" in head)


def _guarded(line: CommandLine) -> int:
    """The one boundary where every error becomes two lines and a code."""
    try:
        code = _dispatch(line)
        _flush()
        return code
    except AutotuneError as error:
        return report(error, as_json=line.json, debug=line.debug)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return int(ExitCode.INTERRUPTED)
    except SystemExit as leave:
        return _exit_code(leave)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # the boundary: a bug is reported, not dumped
        tidy = unexpected(error)
        tidy.__cause__ = error
        return report(tidy, as_json=line.json, debug=line.debug)


def _flush() -> None:
    """Sends the answer out. Raises `MachineError` when the disk behind stdout refuses it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _mute_stdout()
        raise MachineError(
            f"cannot write the answer: {error.strerror}", "free some space, or write elsewhere"
        ) from error


def _exit_code(leave: SystemExit) -> int:
    """What ``--help`` leaves with, after its text has gone out."""
    _flush()
    return leave.code if isinstance(leave.code, int) else int(ExitCode.DONE)


def _dispatch(line: CommandLine) -> int:
    words = line.words
    if words[:1] == ("help",):
        words = (*words[1:], "--help")
    if not words:
        sys.stderr.write(top_help())
        return int(ExitCode.USAGE)
    if words[0] in ("-h", "--help"):
        sys.stdout.write(top_help())
        return int(ExitCode.DONE)
    if words[0] == "--version":
        sys.stdout.write(f"autotune {__version__}\n")
        return int(ExitCode.DONE)
    return _run_command(words, line)


def _run_command(words: tuple[str, ...], line: CommandLine) -> int:
    if words[0].startswith("-"):
        raise UserError(f"{words[0]} needs a command before it", "see autotune --help")
    from autotune.cli.tree import subcommands, unknown_command, walk

    if words[0] not in COMMANDS:
        raise unknown_command("autotune", words[0], COMMANDS)
    found = walk(f"autotune {words[0]}", COMMANDS[words[0]].load(), words[1:])
    if subcommands(found.model):
        return _print_group_help(found)
    return _run_found(found, line)


def _print_group_help(found: Found) -> int:
    from autotune.cli.help import doc_text, group_help
    from autotune.cli.tree import command_lines

    text = group_help(found.prog, doc_text(found.model), command_lines(found.model))
    sys.stdout.write(text)
    return int(ExitCode.DONE)


def _run_found(found: Found, line: CommandLine) -> int:
    from autotune.cli.io import CommandIO
    from autotune.cli.settings import parse_command
    from autotune.cli.tree import run_model
    from autotune.config import Locations

    places = Locations.of(os.environ, Path.cwd())
    model = parse_command(found.prog, found.model, found.rest, places)
    _warn_of_misspelt_env(places.env)
    display = getattr(model, "display", "auto")
    io = CommandIO(line.json, line.debug, display, ("autotune", *line.words))
    with _library_logs(shown=line.debug):
        return run_model(model, io)


@contextmanager
def _library_logs(*, shown: bool) -> Iterator[None]:
    """Keeps what libraries log off stderr unless it is asked for: Optuna logs tracebacks."""
    import logging

    before = logging.root.manager.disable
    logging.disable(before if shown else logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _warn_of_misspelt_env(env: Mapping[str, str]) -> None:
    from autotune.config.layers import unknown_env

    for name, meant in unknown_env(env).items():
        sys.stderr.write(f"warning: {name} is no setting; did you mean {meant}?\n")


def _reader_left() -> int:
    """Stdout's reader is gone, which is no error: ``| head`` has seen enough."""
    _mute_stdout()
    return PIPE_CLOSED


def _mute_stdout() -> None:
    """Points stdout nowhere, so that what is left in its buffer cannot fail at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
