"""Whether any recommendation was worse than the default by more than the noise floor.

    python tests/benchmarks/check_safety.py studies/search-strategies/safety/simulated --least 200

Reads the ``figures.json`` that ``autotune simulate`` leaves in each folder, and counts what the
strategy called ours recommended. Ends with 1 where there was such a one, or too few searches.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def rows(folders: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and figures of ours for every setup and budget."""
    for folder in folders:
        for group in json.loads((folder / "figures.json").read_text())["groups"]:
            for row in group["strategies"]:
                if row["strategy"] == "ours":
                    yield f"{group['setup']} ({group['kind']})", row


def main() -> int:
    """Count, tell, and say whether it is good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--least", type=int, default=1, help="searches that there must be")
    asked = parser.parse_args()
    searches = worse = kept = 0
    for name, row in rows(asked.folders):
        searches, worse = searches + row["searches"], worse + row["worse"]
        kept += row["kept_default"]
        worst = "does not run" if row["worst"] is None else f"{row['worst']:.3f}x its time"
        print(f"{name:42} {row['worse']:3} worse of {row['searches']:3}; the worst: {worst}")
    print(
        f"{worse} of {searches} recommendations are worse than the default by more than the floor"
    )
    print(f"{searches - kept} recommend a change, {kept} keep the default")
    return int(worse > 0 or searches < asked.least)


if __name__ == "__main__":
    sys.exit(main())
