"""Progress while arms are compared: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from autotune.compare.events import (
    ArmEnded,
    ArmStarted,
    ArmTurn,
    BlockEnded,
    Opened,
    Surveying,
)
from autotune.report.shown import is_live, write_at_once
from autotune.report.text import duration, number, plural

if TYPE_CHECKING:
    from rich.console import Console

STOPPING = "stopping: the arm under way finishes its block (Ctrl-C again to stop at once)"
STOPPING_NOW = "stopping at once"


class CompareDisplay:
    """Takes every event; `kind` is ``auto``, ``rich``, ``plain`` or ``none``."""

    def __init__(self, kind: str, err: Console) -> None:
        self._err = err
        self._kind = kind if kind == "none" else "rich" if is_live(kind, err) else "plain"
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_bar()

    def __call__(self, event: object) -> None:
        """Shows one event."""
        if self._kind == "none":
            return
        with suppress(BrokenPipeError):
            match event:
                case Surveying():
                    self._say(f"counting the workload's prompts with {event.engine}")
                case Opened():
                    self._opened(event)
                case ArmStarted():
                    self._started(event)
                case ArmTurn():
                    self._turn(event)
                case ArmEnded():
                    self._ended(event)
                case BlockEnded():
                    self._block(event)

    def stopping(self, at_once: bool = False) -> None:
        """One line."""
        write_at_once(self._err.file, STOPPING_NOW if at_once else STOPPING)

    def _say(self, text: str) -> None:
        self._err.print(text, markup=False, soft_wrap=True)

    def _opened(self, event: Opened) -> None:
        told = f"{plural(event.sessions, 'session')}, {plural(event.turns, 'turn')}"
        self._say(f"folder    {event.folder}")
        self._say(f"turns     {told}, to {event.deepest_tokens:,} tokens")
        for at, arm in enumerate(event.arms):
            self._say(f"arm       {arm}: {event.serves.get(arm, 'failed')}{_first(at)}")
        self._say(f"until     {_limits(event)}")
        if event.known:
            self._say(f"known     {plural(event.known, 'block')} measured before")
        for note in event.notes:
            self._say(f"note      {note}")

    def _started(self, event: ArmStarted) -> None:
        if self._kind != "rich":
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, console=self._err, transient=True)
        self._bar.start()
        label = f"block {event.block + 1}: {event.arm}"
        self._task = self._bar.add_task(label, total=event.turns)

    def _turn(self, event: ArmTurn) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=event.done)

    def _ended(self, event: ArmEnded) -> None:
        self._close_bar()
        label = f"block {event.block + 1}: {event.arm}"
        if event.failure is None:
            ttft = number(event.ttft_p50_s)
            self._say(f"{label}: TTFT {ttft} s, took {duration(event.seconds)}")
            return
        self._say(f"{label}: failed: {event.failure}")
        if event.log is not None:
            self._say(f"  log: {event.log}")

    def _block(self, event: BlockEnded) -> None:
        known = event.widest is not None and event.widest < 10
        width = f"intervals within {event.widest:.1%}" if known else "no interval yet"
        left_s = event.seconds_left
        left = "" if left_s is None else f", {duration(left_s)} left"
        self._say(f"block {event.block + 1} done: {width} (until {event.until:.1%}){left}")

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _first(at: int) -> str:
    return " (baseline)" if at == 0 else ""


def _limits(event: Opened) -> str:
    """When it ends, in words."""
    parts = [f"intervals are within {event.until:.1%}"]
    if event.blocks is not None:
        parts.append(f"{plural(event.blocks, 'block')} are measured")
    if event.budget_s is not None:
        parts.append(f"{duration(event.budget_s)} are spent")
    return ", or ".join(parts)
