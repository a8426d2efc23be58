"""One seed: both searches at once, then their picks head to head. Each phase leaves a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from live_final import DEFAULT, OURS, RANDOM, Final
from live_kept import Kept
from live_log import LaunchLog, pack
from live_progress import Progress
from live_setup import MakeSetup
from live_sides import Ask, Side, Stopwatch, interleave

from autotune.search.space import to_settings
from autotune.strategies.cells import code_digest
from autotune.strategies.seam import Asked, Pick, Settings
from autotune.strategies.table import STRATEGIES
from autotune.study.files import read_json, write_json
from autotune.trial.measurement import Measurement, Measurer

SEARCH, RESULT, FINAL = "search.json", "result.json", "final"
SEARCHES = (OURS, RANDOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRun:
    """What is measured for `seed`, into `folder`; both searches may use `budget_s` seconds.

    `ticks` is the clock of `measurer`'s machine.
    """

    folder: Path
    seed: int
    make: MakeSetup
    measurer: Measurer
    budget_s: float
    blocks: int
    cores: int
    progress: Progress
    ticks: Callable[[], float] = time.monotonic

    def run(self) -> dict[str, Any]:
        """Do what is missing; the figures of this seed."""
        found = read_json(self.folder / RESULT)
        if found is None:
            searches = read_json(self.folder / SEARCH) or self._searched()
            found = {"seed": self.seed, **searches, "final": self._compared(searches)}
            write_json(self.folder / RESULT, found)
        for name in (*SEARCHES, FINAL):
            pack(self.folder / name)
        return found

    def _searched(self) -> dict[str, Any]:
        """Both searches, measurement by measurement."""
        with ExitStack() as stack:
            sides: list[Side] = []
            kept: dict[str, Kept] = {}
            for name in SEARCHES:
                clock = Stopwatch(ticks=self.ticks)
                log = stack.enter_context(LaunchLog(self.folder / name))
                say = self.progress.note
                kept[name] = Kept(measurer=self.measurer, log=log, clock=clock, say=say)
                sides.append(Side(name, partial(self._search, name, clock), clock))
            interleave(sides, lambda side, ask: self._measured(kept, sides, side, ask))
            told = {side.name: self._told(side, kept[side.name]) for side in sides}
        found = {"budget_s": self.budget_s, "code": code_digest(), "searches": told}
        write_json(self.folder / SEARCH, found)
        return found

    def _search(self, name: str, clock: Stopwatch, measurer: Measurer) -> list[Pick]:
        setup = self.make(self.seed, measurer, clock)
        return list(STRATEGIES[name].run(setup, Asked(budget_s=self.budget_s, seed=self.seed)))

    def _measured(
        self, kept: Mapping[str, Kept], sides: list[Side], side: Side, ask: Ask
    ) -> Measurement:
        own = kept[side.name]
        if own.is_known:
            return own.measure(ask)
        found = own.measure(ask)
        used_s = {one.name: one.clock.now() for one in sides}
        words = f"{side.name} {ask.arm} {_how_it_went(found)}"
        self.progress.searched(words, found.seconds.total_s, used_s)
        return found

    def _told(self, side: Side, kept: Kept) -> dict[str, Any]:
        """What a search came to."""
        default, picks = self._default, side.picks
        found = next((p for p in reversed(picks) if not p.is_final), picks[-1])
        return {
            "settings": dict(picks[-1].settings),
            "changes": changes(default, picks[-1].settings),
            "found": changes(default, found.settings),
            "trials": picks[-1].trials,
            "launches": len(kept.log.launches),
            "used_s": round(side.clock.now(), 3),
            "picks": _steps(default, picks),
        }

    @property
    def _default(self) -> Settings:
        space = self.make(self.seed, self.measurer, Stopwatch()).space
        return to_settings(space, space.defaults)

    def _compared(self, searches: Mapping[str, Any]) -> dict[str, Any]:
        picked = {name: searches["searches"][name]["settings"] for name in SEARCHES}
        return Final(
            setup=self.make(self.seed, self.measurer, Stopwatch(ticks=self.ticks)),
            measurer=self.measurer,
            folder=self.folder / FINAL,
            picks={**picked, DEFAULT: dict(self._default)},
            blocks=self.blocks,
            seed=self.seed,
            cores=self.cores,
            progress=self.progress,
        ).run()


def changes(default: Settings, settings: Settings) -> dict[str, Any]:
    """What differs from `default`; ``None`` for a flag that is left out."""
    names = sorted({*default, *settings})
    return {n: settings.get(n) for n in names if settings.get(n) != default.get(n)}


def _steps(default: Settings, picks: list[Pick]) -> list[dict[str, Any]]:
    """When what would be recommended became something else."""
    steps: list[dict[str, Any]] = []
    for pick in picks:
        now = {
            "at_s": round(pick.engine_s, 3),
            "trials": pick.trials,
            "is_final": pick.is_final,
            "changes": changes(default, pick.settings),
        }
        if not steps or pick.is_final or now["changes"] != steps[-1]["changes"]:
            steps.append(now)
    return steps


def _how_it_went(found: Measurement) -> str:
    if found.failure is not None:
        return f"{found.failure.kind}"
    took = f"{found.seconds.total_s:.1f} s"
    return took if found.whole else f"{took}, left early"
