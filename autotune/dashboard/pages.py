"""Reports of studies for the dashboard: made when they are opened, their plots in the background.

A report of a large study takes seconds to make. A page that shows a run refreshes every few
seconds, so its plots are those of the last report that was made, and the next is begun when the
study has changed and the last one was not too dear.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.errors import AutotuneError

if TYPE_CHECKING:
    from autotune.report.page.figures import Figure

REST = 10.0
"""A report is not made again before this many times what it took has passed."""

LEAST_REST_S = 5.0
FIRST_WAIT_S = 2.0
"""How long the first page waits for the plots: most studies are small."""


@dataclass(frozen=True, slots=True)
class Made:
    """The plots of one report by the names of their files."""

    stamp: object
    figures: Mapping[str, Figure]
    ended_s: float
    took_s: float

    def is_rested(self, now_s: float) -> bool:
        """Whether it may be made again."""
        return now_s - self.ended_s >= max(LEAST_REST_S, REST * self.took_s)


def read_figures(path: Path) -> dict[str, Figure]:
    """The plots of the report of `path`; none where it cannot be made (yet)."""
    from autotune.report.page.sources import read_page
    from autotune.report.page.writing import file_name

    try:
        page = read_page([path])
    except AutotuneError:
        return {}
    return {f"plot-{file_name(plot.figure.name)}.svg": plot.figure for plot in page.plots()}


class Pages:
    """The plots of reports by folder. One report is made at a time."""

    def __init__(
        self,
        read: Callable[[Path], Mapping[str, Figure]] = read_figures,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._clock = read, clock
        self._made: dict[Path, Made] = {}
        self._busy: threading.Thread | None = None
        self._lock = threading.Lock()

    def figures(
        self, path: Path, stamp: object, wait_s: float = FIRST_WAIT_S
    ) -> Mapping[str, Figure]:
        """The plots of `path` as far as they are known; `stamp` is the same while it is."""
        made = self._made.get(path)
        if made is None or (made.stamp != stamp and made.is_rested(self._clock())):
            worker = self._begin(path, stamp)
            if made is None and worker is not None:
                worker.join(wait_s)
            made = self._made.get(path)
        return {} if made is None else made.figures

    def _begin(self, path: Path, stamp: object) -> threading.Thread | None:
        """``None`` while another one is made."""
        with self._lock:
            if self._busy is not None and self._busy.is_alive():
                return None
            # A daemon: nobody waits for a plot when the dashboard ends.
            self._busy = threading.Thread(target=self._make, args=(path, stamp), daemon=True)
            self._busy.start()
            return self._busy

    def _make(self, path: Path, stamp: object) -> None:
        began_s = self._clock()
        figures = self._read(path)
        ended_s = self._clock()
        self._made[path] = Made(stamp, figures, ended_s, ended_s - began_s)


def report_html(path: Path, addresses: Mapping[str, str]) -> bytes:
    """The report of `path` as it is now. `addresses` are those of log files, by their names."""
    from autotune.report.page.sources import read_page
    from autotune.report.page.writing import rendered

    try:
        text = rendered(read_page([path]), "html")
    except AutotuneError as error:
        return f"<!doctype html><title>no report</title><p>{escape(error.message)}".encode()
    for name, address in addresses.items():
        text = text.replace(f'href="./logs/{name}"', f'href="{address}"')
    return text.encode()
