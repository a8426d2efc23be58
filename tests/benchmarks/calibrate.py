"""How often comparisons are wrong, and what they find: figures from recorded noise.

    python tests/benchmarks/calibrate.py studies/aa-calibration

Reads every recording of the folder (`record_noise.py` makes them), makes studies of identical arms
from it as `autotune.scoring.calibration` says, and writes `figures.json` and `figures.md` beside
them. The same recordings give the same figures. Takes a few minutes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autotune.records import TurnRecord
from autotune.scoring.calibration import Calls, Design, Run, calibrate, read_runs
from autotune.scoring.comparison import Comparison
from autotune.scoring.interval import compare

SCHEMA_VERSION = "aa-figures/1"
STUDIES = 200
RESAMPLES = 500
"""Enough for a share of studies; `compare` draws 2000 for an interval that is shown."""

SESSIONS = (2, 3, 4, 6)
DESIGNS = (
    *(Design(sessions) for sessions in SESSIONS),
    *(Design(sessions, blocks=5) for sessions in SESSIONS),
    *(Design(sessions, blocks=1) for sessions in SESSIONS),
    *(Design(sessions, in_a_row=True) for sessions in SESSIONS),
)
FACTORS = (1.1, 1.3, 2.0)

_HEAD = (
    "| blocks | sessions | metric | called different | 10% found | 30% found | 2x found | seen |",
    "|---|---|---|---|---|---|---|---|",
)


def main() -> None:
    """Evaluate a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", type=int, default=STUDIES)
    options = parser.parse_args()
    rows = [
        row
        for path in sorted(options.folder.glob("*.jsonl"))
        for row in figures(path.stem, read_runs(path.read_text().splitlines()), options.studies)
    ]
    content = {"schema_version": SCHEMA_VERSION, "studies": options.studies, "rows": rows}
    lines = ",\n".join(json.dumps(row) for row in rows)
    head = json.dumps({**content, "rows": []})[:-2]
    (options.folder / "figures.json").write_text(f"{head}\n{lines}\n]}}\n")
    (options.folder / "figures.md").write_text("\n".join(table(rows, options.studies)) + "\n")


def figures(recording: str, runs: list[Run], count: int) -> Iterator[dict[str, Any]]:
    """A row a design and metric; shares are of `count` studies."""
    for seed, design in enumerate(DESIGNS):
        found = calibrate(runs, design, count=count, seed=seed, compared=_compared)
        for metric, calls in found.items():
            yield {
                "recording": recording,
                "runs": len(runs),
                **asdict(design),
                "metric": metric,
                "errors": calls.errors / calls.studies,
                "found": {str(factor): calls.found(factor) / calls.studies for factor in FACTORS},
                "smallest_seen": _rounded(calls),
            }


def _compared(default: list[TurnRecord], candidate: list[TurnRecord]) -> Comparison:
    return compare(default, candidate, resamples=RESAMPLES)


def _rounded(calls: Calls) -> float | None:
    return None if calls.smallest_seen is None else round(calls.smallest_seen, 3)


def table(rows: list[dict[str, Any]], count: int) -> Iterator[str]:
    """A page of tables, one a recording."""
    yield "# Figures"
    yield ""
    yield f"Made by `make calibrate`, from {count} studies a row; what they mean is in README.md."
    for recording in sorted({row["recording"] for row in rows}):
        mine = [row for row in rows if row["recording"] == recording]
        yield from ("", f"## {recording} ({mine[0]['runs']} runs)", "", *_HEAD)
        yield from map(_line, mine)


def _line(row: dict[str, Any]) -> str:
    blocks = f"{row['blocks']}, in a row" if row["in_a_row"] else str(row["blocks"])
    shares = [row["errors"], *(row["found"][str(factor)] for factor in FACTORS)]
    seen = "-" if row["smallest_seen"] is None else f"{row['smallest_seen']:.2f}x"
    cells = [blocks, str(row["sessions"]), row["metric"], *(f"{s:.1%}" for s in shares), seen]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
