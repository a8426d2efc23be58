"""What is known of a night so far: filled in as it goes, a whole record whenever it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from autotune.nightly.hooks import HookRun
from autotune.nightly.night_record import HookNote, Night, Outcome
from autotune.nightly.nights import Nights, stamp_of


@dataclass(slots=True)
class NightPage:
    """`facts` are fields of `Night`; `seconds` is where the time went, by part."""

    target: str
    stamp: str
    started_at: datetime
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    hooks: list[HookNote] = field(default_factory=list)

    def put(self, **facts: Any) -> None:
        """Fields of the record."""
        self.facts |= facts

    def note(self, *texts: str) -> None:
        """Sentences for the end of the page; each once."""
        self.notes += [text for text in texts if text not in self.notes]

    def heard(self, *runs: HookRun) -> None:
        """Hooks that ran."""
        self.hooks += [
            HookNote(name=run.name, code=run.code, seconds=run.seconds or 0.0, said=run.said)
            for run in runs
        ]

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Books the time of a block, however it ends."""
        began_s = self.monotonic()
        try:
            yield
        finally:
            spent_s = self.monotonic() - began_s
            self.seconds[part] = round(self.seconds.get(part, 0.0) + spent_s, 3)

    def ended(self, outcome: Outcome, why: str, hint: str = "") -> Night:
        """The night as it is now."""
        return Night(
            target=self.target,
            stamp=self.stamp,
            started_at=self.started_at,
            ended_at=self.now(),
            outcome=outcome,
            why=why,
            hint=hint,
            notes=tuple(self.notes),
            seconds=dict(self.seconds),
            hooks=tuple(self.hooks),
            **self.facts,
        )


def free_stamp(nights: Nights, moment: datetime) -> str:
    """The stamp of `moment`, or of the first second after it that no night has."""
    while nights.path(stamp_of(moment)).exists():
        moment += timedelta(seconds=1)
    return stamp_of(moment)
