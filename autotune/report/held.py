"""What filling a config showed, in words: while it is done, at the end, and in files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from autotune.report.text import duration, plural
from autotune.search.events import HoldFinished, HoldStarted

if TYPE_CHECKING:
    from rich.console import Console


def hold_start(event: HoldStarted) -> str:
    """What is about to be filled, and how far."""
    sessions = plural(event.sessions, "session")
    return f"holding {event.arm} to {event.tokens:,} tokens: {sessions} on one server"


def hold_finish(event: HoldFinished) -> str:
    """How that went."""
    verdict = "holds" if event.holds else "does not hold"
    return f"{event.arm} {verdict}: {event.sentence}, took {duration(event.seconds)}"


def hold_activity(event: HoldStarted, turns_done: int | None) -> str:
    """What the living line says while turns are filled."""
    turn = "" if turns_done is None else f", turn {turns_done}/{event.turns}"
    return f"holding {event.arm} to {event.tokens:,} tokens{turn}"


def print_held(summary: Mapping[str, Any] | None, console: Console) -> None:
    """The same of a finished study's summary as plain data, where its winner was filled."""
    if summary is not None and (held := summary.get("held")) is not None:
        console.print(held_line(held))


def held_line(held: Mapping[str, Any]) -> Text:
    """The line of a summary: `held` is `Held` as plain data."""
    sentence = str(held["sentence"])
    return Text(sentence[:1].upper() + sentence[1:], style="green" if held["holds"] else "yellow")
