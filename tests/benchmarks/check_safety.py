"""Whether any recommendation was worse than the default by more than the noise floor.

    python tests/benchmarks/check_safety.py studies/search-strategies/safety/simulated --least 200

Reads what ``autotune simulate`` leaves in each folder, and counts what the strategy called ours
recommended. Worse is by the true time (without noise) of the recommendation on the sessions of the
confirmation, against the default's there; one that does not run is worse. On a noisy machine the
floor is wide, so how many are slower at all is told as well. Ends with 1 where one was worse by
more than the floor, or where there are too few searches.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SLOWER = (1.02, 1.05, 1.10)
"""Factors on the default's time that are counted, whatever the floor."""


def rows(folders: Sequence[Path]) -> Iterator[tuple[Path, Mapping[str, Any], Mapping[str, Any]]]:
    """Folder, group, and figures of ours in it, for every setup and budget."""
    for folder in folders:
        for group in json.loads((folder / "figures.json").read_text())["groups"]:
            for row in group["strategies"]:
                if row["strategy"] == "ours":
                    yield folder, group, row


def ratios(folder: Path, group: Mapping[str, Any]) -> list[float]:
    """The true time of each recommendation of ours over the default's; no end to one that does not
    run."""
    path, default = folder / "searches.jsonl", group.get("default_held_out")
    lines = path.read_text().splitlines() if path.exists() and default else []
    found = {}
    for row in map(json.loads, lines):
        place = (row["setup"], row["budget_s"], row["strategy"])
        if place == (group["setup"], group["budget_s"], "ours"):
            value = row["result"]["held_out"]
            found[row["seed"]] = math.inf if value is None else value / default
    return list(found.values())


def line_of(folder: Path, group: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """One setup."""
    worst = "does not run" if row["worst"] is None else f"{row['worst']:.3f}x its time"
    floor = math.exp(group["noise_floor_log"]) - 1 if "noise_floor_log" in group else math.nan
    found = ratios(folder, group)
    slower = ", ".join(f"{sum(r > s for r in found)} by over {s - 1:.0%}" for s in SLOWER)
    name = f"{group['setup']} ({group['kind']})"
    return (
        f"{name:42} {row['worse']:3} worse of {row['searches']:3} by more than the floor "
        f"({floor:.0%}); slower: {slower}; the worst: {worst}"
    )


def main() -> int:
    """Count, tell, and say whether it is good."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--least", type=int, default=1, help="searches that there must be")
    parser.add_argument("--output", type=Path, help="a file for what is told, too")
    asked = parser.parse_args()
    searches = worse = kept = 0
    every: list[float] = []
    lines: list[str] = []
    for folder, group, row in rows(asked.folders):
        searches, worse = searches + row["searches"], worse + row["worse"]
        kept += row["kept_default"]
        every += ratios(folder, group)
        lines.append(line_of(folder, group, row))
    lines.append(
        f"{worse} of {searches} recommendations are worse than the default by more than the floor"
    )
    for factor in SLOWER if every else ():
        late = sum(ratio > factor for ratio in every)
        lines.append(f"{late} of {len(every)} are slower than the default by over {factor - 1:.0%}")
    lines.append(f"{searches - kept} recommend a change, {kept} keep the default")
    text = "\n".join(lines)
    print(text)
    if asked.output is not None:
        asked.output.write_text(text + "\n", encoding="utf-8")
    return int(worse > 0 or searches < asked.least)


if __name__ == "__main__":
    sys.exit(main())
