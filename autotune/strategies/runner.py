"""Many searches, one after the other or side by side, each kept the moment it ends."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed

from autotune.strategies.cells import Cell, Result, Shelf, run_cell

Told = Callable[[Cell, Result], None]


def run_cells(cells: Sequence[Cell], jobs: int, shelf: Shelf, told: Told) -> dict[Cell, Result]:
    """Every one of `cells`: those on `shelf` as they are, the rest searched by `jobs` processes.

    `told` hears of each search as it ends. Raises `UserError` for a source that cannot be read;
    what had ended is on the shelf.
    """
    found = shelf.read(cells)
    left = [cell for cell in cells if cell not in found]
    for cell, result in _done(left, jobs):
        shelf.add(cell, result)
        found[cell] = result
        told(cell, result)
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
