"""Where a command writes: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, is_dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class CommandIO:
    """What a command's ``run(io)`` gets besides its own fields.

    `json` asks for one JSON document on stdout instead of tables (``--json``); `debug` lets
    tracebacks through (``--debug``); `display` is ``auto``, ``rich``, ``plain`` or ``none``.
    `argv` is the command line without global flags, to be shown in a hint to run it again.
    """

    json: bool = False
    debug: bool = False
    display: str = "auto"
    argv: tuple[str, ...] = ()

    @cached_property
    def out(self) -> Console:
        """The console on stdout: answers only."""
        from rich.console import Console

        return Console(file=sys.stdout, highlight=False)

    @cached_property
    def err(self) -> Console:
        """The console on stderr: progress, notes, warnings, errors."""
        from rich.console import Console

        return Console(file=sys.stderr, highlight=False)

    def emit_json(self, obj: Any) -> None:
        """`obj` as one line of JSON on stdout, flushed; no markup, no wrapping.

        Dataclasses, paths and sets are turned into what JSON has. ``NaN`` raises ``ValueError``:
        a metric that is absent is ``None``.
        """
        sys.stdout.write(json_line(obj) + "\n")
        sys.stdout.flush()


def json_line(obj: Any) -> str:
    """`obj` as one line of JSON."""
    return json.dumps(obj, default=_plain, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """What JSON has for `value`; ``TypeError`` for what it has not."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "items"):
        return dict(value.items())
    raise TypeError(f"{type(value).__name__} is not JSON")
