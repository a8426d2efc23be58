"""Kills a whole night at each line of its journal in turn, and tells what the next ones find.

    python night_crash.py SCENARIO FOLDER

At each line twice: in the middle of writing it, and right after it is on the disk; and in the
middle of each hook. Prints a JSON object a step: what is there once a new process has recovered,
and once another night came to its end.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from night_world import DRIFTED, Answers, Clocked, stubbed, target_in, tools_in
from nightly_crash import Steps, forked, watch
from nightly_site import hook_words, paired
from prints import A_PRINT

from autotune.nightly import hooks
from autotune.nightly.live import live_number
from autotune.nightly.night import NightDone, run_night
from autotune.nightly.night_steps import record_cut_short
from autotune.nightly.nights import Nights
from autotune.nightly.recover import recover
from autotune.nightly.target_site import site_of

Row = dict[str, Any]


class Lines(Steps):
    """Counts the lines of the journal and nothing else."""

    def reach(self, name: str) -> None:
        if name.startswith(("torn: ", "written: ")):
            super().reach(name)


def play(name: str, folder: Path, number: int = 1) -> NightDone:
    """One night of a scenario; `number` counts from 0, which is the night before."""
    answers = Answers(batch=1000 + number, model=folder / "m.gguf")
    answers.model.touch()
    if name == "retune" and number:
        answers.print_ = replace(A_PRINT, engine_version="b2")
    if name == "drift" and number == 1:
        answers.canary = DRIFTED
    with stubbed(answers):
        clock = Clocked()
        clock.now_ = clock.now_.replace(day=23 + number)
        return run_night(target_in(folder), tools_in(folder, answers, clock))


def prepare(name: str, folder: Path) -> None:
    """What is there before the night that is killed."""
    folder.mkdir(parents=True)
    if name != "first":
        play(name, folder, 0)
        (folder / "lines").unlink()


def run_and_die(name: str, folder: Path, kill_at: int, told: int) -> None:
    """The night, up to a line."""
    steps = Lines(kill_at, told)
    watch(steps)
    play(name, folder)
    steps.armed = False


def mended(folder: Path) -> Row:
    """What is there when somebody has recovered, which is done first by everything."""
    target = target_in(folder)
    site = site_of(target, {"PATH": os.environ["PATH"], "VICTIM": "0"}, "boot-1")
    record_cut_short(target.name, site.journal, Nights.of(target.state))
    recover(site)
    return found(folder)


def found(folder: Path) -> Row:
    """What serves, what is live, and whether hooks are paired."""
    target = target_in(folder)
    site = site_of(target, {}, "boot-1")
    live, words = live_number(target.state), hook_words(folder)
    served = {place.path: place.path.exists() for place in target.places}
    return {
        "live": live,
        "damage": [] if live is None else list(site.generations.read(live).damage()),
        "served": sorted({_batch(path) for path, there in served.items() if there}),
        "missing": [str(path) for path, there in served.items() if not there],
        "paired": paired(words),
        "open": [line.kind for line in site.journal.open_steps()],
        "outcomes": [night.outcome.value for night in Nights.of(target.state).newest_first()],
    }


def _batch(path: Path) -> int:
    """The batch size that an exported file says."""
    text = path.read_text(encoding="utf-8")
    return next(n for n in range(1000, 1004) if str(n) in text)


def one(name: str, folder: Path, template: Path, kill_at: int) -> Row | None:
    """One line: killed there, recovered, and another night; ``None`` when there is no such line."""
    fresh(folder, template)
    log = folder.parent / "steps"
    told = os.open(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    code = forked(lambda: run_and_die(name, folder, kill_at, told))
    os.close(told)
    if code == 0:
        return None
    steps = log.read_text(encoding="utf-8").splitlines()
    return {"step": steps[-1] if steps else "?", "code": code, **after(name, folder)}


def in_hook(name: str, hook: str, folder: Path, template: Path) -> Row:
    """Killed while a hook runs, which goes on alone."""
    fresh(folder, template)
    (folder / f"kill-{hook}").touch()
    code = forked(lambda: play(name, folder) and None)
    return {"step": f"in {hook} hook", "code": code, **after(name, folder)}


def fresh(folder: Path, template: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder, symlinks=True)


def after(name: str, folder: Path) -> Row:
    """What is found by processes of their own: once mended, and after another night."""
    told = folder.parent / "found.json"
    rows = []
    for work in (lambda: mended(folder), lambda: next_night(name, folder)):
        told.unlink(missing_ok=True)
        forked(lambda work=work: told.write_text(json.dumps(work()), encoding="utf-8") and None)
        rows.append(json.loads(told.read_text(encoding="utf-8")) if told.exists() else {"lost": 1})
    return {"mended": rows[0], "then": rows[1]}


def next_night(name: str, folder: Path) -> Row:
    """The night after the one that was killed."""
    done = play(name, folder, 2)
    return {"outcome": done.night.outcome.value, **found(folder)}


def sweep(name: str, base: Path) -> list[Row]:
    """Every line of a scenario, and its hooks."""
    folder, template = base / "now", base / "template"
    prepare(name, folder)
    folder.rename(template)
    rows: list[Row] = []
    while (row := one(name, folder, template, len(rows) + 1)) is not None:
        rows.append(row)
    rows += [in_hook(name, hook, folder, template) for hook in ("before", "after")]
    return rows


if __name__ == "__main__":
    os.fsync = lambda _: None  # type: ignore[assignment,misc]
    hooks.POLL_S = 0.002
    print(json.dumps(sweep(sys.argv[1], Path(sys.argv[2]))))
