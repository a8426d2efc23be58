"""What a format that captures are written in is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from autotune.workload.model import Session
from autotune.workload.writer import compressed, encode_line, replacing


class Place(StrEnum):
    """What the output of a format is."""

    FILE = "file"
    FOLDER = "folder"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written. `left_out` counts turns by the reason why they were not."""

    sessions: int
    turns: int
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Format:
    """One output format.

    Attributes:
        name: what ``--to`` calls it.
        description: one line for a user.
        loses: what it has no place for, as a list in words; empty when nothing.
        place: whether it is a file of JSON lines, a folder, or either by the output's name.
        write: sessions, output and salt in; the output is complete or not there.
        salted: whether what is written depends on the salt.
    """

    name: str
    description: str
    loses: str
    place: Place
    write: Callable[[Iterable[Session], Path, bytes], Written]
    salted: bool = False


@contextmanager
def lines_file(path: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that appends a line of JSON to `path`, which appears when all is written.

    The name decides the compression, as for captures.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as raw, compressed(raw, path) as stream:

        def write(line: Mapping[str, Any]) -> None:
            stream.write(encode_line(line))

        yield write


def whole_ms(value_ms: float | None) -> int | None:
    """Milliseconds as a whole number, for readers that take no other."""
    return None if value_ms is None else round(value_ms)


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without those that are ``None``: absent is absent."""
    return {key: value for key, value in values.items() if value is not None}
