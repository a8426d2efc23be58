"""A night and its tuning as steps of the journal: what one that was cut short left open.

A tuning that was stopped, or killed with the machine, is gone on with by the next night where it is
still the same that is asked: the same model, engine, sessions and config in use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from autotune.nightly.fingerprint import Fingerprint
from autotune.nightly.journal import Journal, Line
from autotune.nightly.night_page import NightPage
from autotune.nightly.night_record import Night, Outcome
from autotune.nightly.nights import Nights
from autotune.nightly.pause import hook_runs
from autotune.nightly.prune import study_name

NIGHT, TUNING = "night", "tuning"

CUT_SHORT = "it was cut short: killed, or the machine went down"


@dataclass(frozen=True, slots=True)
class Tuning:
    """A tuning under way: the journal's step, and the study that it measures into."""

    step: Line
    study: str
    resumed: bool


def digest_of_tuning(now: Fingerprint, live: int | None) -> str:
    """Names what a tuning is of: another one is another study."""
    text = json.dumps([now.to_json(), live], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def open_tuning(journal: Journal, digest: str) -> Line | None:
    """The tuning of that which was begun and did not come to its end."""
    return next((step for step in _open(journal, TUNING) if step.get("of_what") == digest), None)


def begin_tuning(journal: Journal, target: str, stamp: str, digest: str) -> Tuning:
    """Begins a tuning, or goes on with that one; others that were left open are given up."""
    mine = open_tuning(journal, digest)
    give_up_tunings(journal, but=mine)
    if mine is not None:
        return Tuning(mine, str(mine.get("study")), resumed=True)
    name = study_name(target, stamp)
    return Tuning(journal.begin(TUNING, study=name, of_what=digest), name, resumed=False)


def give_up_tunings(journal: Journal, but: Line | None = None) -> None:
    """Ends tunings that nobody will go on with."""
    for step in _open(journal, TUNING):
        if but is None or step.number != but.number:
            journal.end(step, outcome="given up")


def _open(journal: Journal, kind: str) -> Iterator[Line]:
    return (step for step in journal.open_steps() if step.kind == kind)


def record_cut_short(target: str, journal: Journal, nights: Nights) -> tuple[Night, ...]:
    """Ends the nights that a killed process left open, with a page for each that has none."""
    found = []
    for step in list(_open(journal, NIGHT)):
        stamp = str(step.get("stamp"))
        if not (nights.path(stamp) / "night.json").is_file():
            found.append(_page_of(target, journal, step, stamp))
            nights.write(found[-1])
        journal.end(step, outcome=Outcome.STOPPED.value, reason=CUT_SHORT)
    return tuple(found)


def _page_of(target: str, journal: Journal, step: Line, stamp: str) -> Night:
    """What the journal still knows of a night."""
    after = [line for line in journal.lines() if line.number > step.number]
    until = next((line.number for line in after if line.kind == NIGHT), None)
    last = max((line.at for line in after if until is None or line.number < until), default=step.at)
    page = NightPage(target, stamp, step.at, lambda: last)
    page.heard(*hook_runs(journal, step.number))
    studies = [line.get("study") for line in after if line.kind == TUNING]
    notes = [f"its study is {name}; the next night goes on with it" for name in studies if name]
    page.note(*notes)
    return page.ended(Outcome.STOPPED, CUT_SHORT, "the next night mends what it left open")
