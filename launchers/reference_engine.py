"""The reference engine: llama.cpp's server in one Python process, by xllamacpp's wheels.

It takes llama-server's long setting names and answers on llama-server's endpoints::

    python -m autotune.launchers.reference_engine --model FILE --ctx-size 8192 --parallel 1

It logs to stderr. Before it says where it listens it prints ``effective: {...}``: every setting as
the server was given it. An unknown flag and a bad value end it with code 1 and an ``error:`` line,
SIGTERM with code 0.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from autotune.candidate import Setting
from autotune.launchers.reference_settings import (
    CHOICES,
    INTEGERS,
    NUMBERS,
    SPECULATORS,
    SWITCHES,
    new_params,
    told,
)

_PARENT_POLL_S = 0.5
_LOG_LEVEL = 4
"""Where llama.cpp prints its memory, batch and cache settings."""


def say(line: str) -> None:
    """One line to stderr, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class _Parser(argparse.ArgumentParser):
    """Refuses like llama-server: code 1, one line, no usage."""

    def error(self, message: str) -> NoReturn:
        say(f"error: {message}")
        raise SystemExit(1)


def make_parser() -> argparse.ArgumentParser:
    """Flags of the server itself and of every setting it takes; settings default to absent."""
    parser = _Parser(prog="reference_engine", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--model", metavar="FILE", help="a GGUF file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes any free port")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="end when the process that started it ends"
    )
    _add_settings(parser.add_argument_group("settings", "named and valued as llama-server's"))
    return parser


def _add_settings(group: argparse._ArgumentGroup) -> None:
    absent = argparse.SUPPRESS
    for name in (*INTEGERS, *NUMBERS):
        group.add_argument(f"--{name}", metavar="N", default=absent)
    for name in SWITCHES:
        group.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=absent)
    for name, choice in CHOICES.items():
        group.add_argument(f"--{name}", metavar="|".join(choice.members), default=absent)
    group.add_argument("--n-gpu-layers", metavar="N|auto|all", default=absent)
    group.add_argument("--spec-type", metavar=",".join(SPECULATORS), default=absent)


_OWN = frozenset({"version", "model", "host", "port", "exit_with_parent"})


def settings_of(args: argparse.Namespace) -> dict[str, Setting]:
    """The settings that were given, by flag name."""
    given = {k: v for k, v in vars(args).items() if k not in _OWN}
    return {name.replace("_", "-"): value for name, value in given.items()}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; an unknown one is refused in llama-server's words."""
    parser = make_parser()
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(f"invalid argument: {unknown[0]}")
    if not args.version and not args.model:
        parser.error("expected value for argument: --model")
    return args


def load_library() -> Any:
    """The xllamacpp module; ends the process in one line where it is not installed."""
    try:
        import xllamacpp
    except ImportError as error:
        say(f"error: xllamacpp cannot be imported: {error}")
        raise SystemExit(1) from error
    return xllamacpp


def version_of(library: Any) -> str:
    """Package version and how llama.cpp was compiled."""
    build = library.BUILD_INFO
    return f"xllamacpp {library.__version__} ({build['compiler']}, {build['build_target']})"


def make_server(library: Any, args: argparse.Namespace) -> tuple[Any, Any]:
    """Parameters and the running server; ends the process when the model will not load."""
    try:
        params = new_params(library, {"verbosity": _LOG_LEVEL, **settings_of(args)})
    except ValueError as error:
        say(f"error: {error}")
        raise SystemExit(1) from error
    params.model.path = args.model
    params.hostnames = [args.host]
    params.port = args.port
    try:
        return params, library.Server(params)
    except RuntimeError as error:
        say(f"error: {error}")
        raise SystemExit(1) from error


def exit_with_parent(parent_pid: int) -> None:
    """A thread that ends this process once its parent is another one."""

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent_pid:
            pause.wait(_PARENT_POLL_S)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def wait_for_stop() -> None:
    """Until SIGTERM or SIGINT. While the model loads they still end the process at once."""
    stop = threading.Event()

    def handler(signum: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, handler)
    stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal says stop."""
    parent_pid = os.getppid()
    args = parse(sys.argv[1:] if argv is None else argv)
    library = load_library()
    if args.version:
        say(version_of(library))
        return 0
    if args.exit_with_parent:
        exit_with_parent(parent_pid)
    params, server = make_server(library, args)
    say(f"effective: {json.dumps(told(params))}")
    say(f"reference engine: listening on {server.listening_address}")
    wait_for_stop()
    # Freed here, on the main thread: llama.cpp joins its own threads and prints its memory.
    del server
    gc.collect()
    return 0


if __name__ == "__main__":
    sys.exit(main())
