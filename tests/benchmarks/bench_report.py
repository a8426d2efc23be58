"""What a report of a large study costs: seconds to make, bytes, seconds to open.

2,000 trials and 100,000 turns by default. Opening is in a headless Chromium, where there is one:
until the page is loaded, and until the first figure that can be pointed at is drawn.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "fakes"))
sys.path.insert(0, str(Path(__file__).parent))

from big_study import make_study  # noqa: E402
from chromium import PROGRAM, Chromium  # noqa: E402


def main() -> int:
    """Prints a line a figure; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000, help="trials of the study")
    parser.add_argument("--turns", type=int, default=100_000, help="turns of the study, all trials")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autotune-") as scratch:
        folder = Path(scratch) / "big"
        make_study(folder, asked.trials, asked.turns)
        print(f"study: {asked.trials} trials, {asked.turns} turns")
        page = Path(scratch) / "report.html"
        for name, flags in (("with Plotly", []), ("static", ["--static"])):
            seconds = made(folder, page, flags)
            print(f"{name}: made in {seconds:.2f} s, {page.stat().st_size / 1e6:.2f} MB")
        made(folder, page, [])
        if PROGRAM is None:
            print("not opened: there is no Chromium")
        else:
            loaded_s, drawn_s = opened(page)
            print(f"opened in {loaded_s:.2f} s, first figure drawn after {drawn_s:.2f} s")
    return 0


def made(folder: Path, page: Path, flags: list[str]) -> float:
    """Seconds that the command takes, its start included."""
    page.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "autotune.cli.main", "report", str(folder), "--output", str(page)]
    began_s = time.monotonic()
    subprocess.run([*argv, *flags], check=True, capture_output=True)
    return time.monotonic() - began_s


def opened(page: Path) -> tuple[float, float]:
    """Seconds to the load event, and to the first figure drawn."""
    with Chromium() as browser:
        browser.look(1200, 900)
        loaded_s = browser.open(page)
        drawn_s = loaded_s + browser.until("document.querySelector('[data-drawn]') !== null")
        return loaded_s, drawn_s


if __name__ == "__main__":
    sys.exit(main())
