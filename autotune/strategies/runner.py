"""Many searches, one after the other or side by side, each kept the moment it ends."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import Protocol

from autotune.strategies.cells import Cell, Result, Shelf, run_cell


class Watch(Protocol):
    """Who is told how it goes."""

    def note(self, text: str) -> None:
        """Something that takes a while, or is worth a line."""
        ...

    def expect(self, total: int, kept: int) -> None:
        """`total` searches are to be done, `kept` others were done before."""
        ...

    def told(self, cell: Cell, result: Result) -> None:
        """One search has ended."""
        ...


def run_cells(cells: Sequence[Cell], jobs: int, shelf: Shelf, watch: Watch) -> dict[Cell, Result]:
    """Every one of `cells`: those on `shelf` as they are, the rest searched by `jobs` processes.

    Raises `UserError` for a source that cannot be read; what had ended is on the shelf.
    """
    found = shelf.read(cells)
    left = [cell for cell in cells if cell not in found]
    watch.expect(len(left), len(found))
    for cell, result in _done(left, jobs):
        shelf.add(cell, result)
        found[cell] = result
        watch.told(cell, result)
    return {cell: found[cell] for cell in cells}


def _done(cells: Sequence[Cell], jobs: int) -> Iterator[tuple[Cell, Result]]:
    if jobs == 1 or len(cells) < 2:
        for cell in cells:
            yield cell, run_cell(cell)
        return
    # Not forked: a fork of a program with threads may hang, and progress is drawn by one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(cells)), mp_context=context) as pool:
        futures: dict[Future[Result], Cell] = {pool.submit(run_cell, cell): cell for cell in cells}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
