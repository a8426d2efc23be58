"""The fake engine that runs out of memory by its settings, and hangs or dies by a seeded coin.

    python faulty_engine.py --told DIR --seed 3 --hang 0.05 --crash 0.1 --model FILE ...

Memory is short where there are two slots and the physical batch is 512 or more: of those that ask
for most it fails at the start, of the others as a prompt gets long. What a launch is told to do,
and whether it came to that, is written to ``DIR/launches.jsonl``, one line each, under the launch's
``AUTOTUNE_TRIAL``. The coin is thrown for what is measured: trials, anchors, heats, confirmations.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import fake_engine

OUT_OF_MEMORY, HANG, CRASH = "out-of-memory", "hang", "crash"
FILLED_WORDS = 600
"""Where memory ends that was enough to start."""

MEASURED = ("trial-", "anchor-", "heat-", "confirm")
LAUNCHES = "launches.jsonl"


def told_parser() -> argparse.ArgumentParser:
    """What is not the fake engine's own."""
    p = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    p.add_argument("--told", type=Path, required=True)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--hang", type=float, default=0.0)
    p.add_argument("--crash", type=float, default=0.0)
    p.add_argument("--short-memory", action="store_true")
    return p


def is_short(parallel: int, ubatch: int) -> bool:
    """Whether these settings run out of memory."""
    return parallel >= 2 and ubatch >= 512


def fault_of(told: argparse.Namespace, settings: dict[str, Any], trial: str, launch: int) -> str:
    """The fake engine's fault for this launch, with its count; empty for none."""
    ubatch = int(settings["ubatch-size"])
    if told.short_memory and is_short(int(settings["parallel"]), ubatch):
        return f"fail-past={FILLED_WORDS}" if ubatch == 512 else "oom-during-load"
    if not trial.startswith(MEASURED):
        return ""
    coin = random.Random(f"{told.seed}|{launch}")
    thrown, after = coin.random(), coin.randint(1, 2)
    if thrown < told.hang:
        return coin.choice(("hang-mid-stream", "hang-first-token")) + f"={after}"
    if thrown < told.hang + told.crash:
        return coin.choice((f"die-mid-stream={after}", "crash-during-load"))
    return ""


def kind_of(fault: str) -> str | None:
    """As what a fault is to be told."""
    name = fault.partition("=")[0]
    kinds = {"fail-past": OUT_OF_MEMORY, "oom-during-load": OUT_OF_MEMORY}
    kinds |= {"hang-mid-stream": HANG, "hang-first-token": HANG}
    return kinds.get(name, CRASH if name else None)


class TellingEngine(fake_engine.Engine):
    """Says when it comes to the fault that it was told."""

    note: Any = None

    def fault(self, name: str) -> bool:
        due = bool(super().fault(name))
        if due and self.note is not None:
            self.note(struck=True)
            self.note = None
        return due

    def hold(self, prompt: list[str]) -> None:
        if len(prompt) > self.faults.get("fail-past", len(prompt)) and self.note is not None:
            self.note(struck=True)
        super().hold(prompt)


def main() -> None:
    """Decide, write it down, and be the fake engine."""
    told, rest = told_parser().parse_known_args()
    args, _ = fake_engine.parser().parse_known_args(rest)
    settings = {name: getattr(args, name.replace("-", "_")) for name in fake_engine.SETTINGS}
    path, trial = told.told / LAUNCHES, os.environ.get("AUTOTUNE_TRIAL", "")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    launch = sum('"planned"' in line for line in lines)
    fault = fault_of(told, settings, trial, launch)
    row = {"trial": trial, "launch": launch, "kind": kind_of(fault)}

    def note(**more: Any) -> None:
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps({**row, **more}) + "\n")

    note(planned=fault)
    if fault in ("oom-during-load", "crash-during-load"):
        note(struck=True)
    TellingEngine.note = staticmethod(note)
    fake_engine.Engine = TellingEngine  # type: ignore[misc]
    sys.argv = [sys.argv[0], *rest, *(["--fault", fault] if fault else [])]
    fake_engine.main()


if __name__ == "__main__":
    main()
