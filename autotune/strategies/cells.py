"""One search each: a strategy on a source, a budget and a seed; and where results are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from autotune.candidate import Setting
from autotune.strategies.seam import Asked, Pick
from autotune.strategies.sources import Source, Truth, truth_of
from autotune.strategies.table import STRATEGIES
from autotune.study.files import disk_error

OVERRUN = 1.05
"""Of the budget: what is known later is known too late. A run keeps its budget within this."""

SCHEMA_VERSION = "simulated-search/1"


@dataclass(frozen=True, slots=True)
class Cell:
    """What is to be done."""

    source: Source
    strategy: str
    noise: str
    budget_s: float
    seed: int


@dataclass(frozen=True, slots=True)
class Step:
    """From `engine_s` on the recommendation is worth `value` seconds, without noise, on the
    searched sessions; ``None`` where it does not run."""

    engine_s: float
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One search. Values are without noise, in seconds of the objective.

    Attributes:
        steps: the recommendation over engine-seconds, the first at 0; only where its value changes.
        found: of what led when the search ended, before it was looked at again.
        final: of the last recommendation, on the searched sessions.
        held_out: likewise, on those of the confirmation.
        changes: what the last recommendation changes; empty for the engine's defaults.
        ended_s: when the strategy stopped.
        wall_s: how long it took here.
    """

    steps: tuple[Step, ...]
    found: float | None
    final: float | None
    held_out: float | None
    changes: Mapping[str, Setting | None]
    ended_s: float
    trials: int
    wall_s: float

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it back."""
        steps = [[round(step.engine_s, 3), step.value] for step in self.steps]
        return {**asdict(self), "steps": steps, "wall_s": round(self.wall_s, 3)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Result:
        """Raises ``KeyError`` or ``TypeError`` for what `to_json` did not write."""
        return cls(**{**data, "steps": tuple(Step(*step) for step in data["steps"])})


def run_cell(cell: Cell) -> Result:
    """Search. Raises `UserError` for a source that cannot be read."""
    began_s = perf_counter()
    truth = truth_of(cell.source)
    setup = cell.source.setup(cell.seed, cell.noise)
    asked = Asked(budget_s=cell.budget_s, seed=cell.seed)
    every = list(STRATEGIES[cell.strategy].run(setup, asked))
    picks = [pick for pick in every if pick.engine_s <= OVERRUN * cell.budget_s]
    last = picks[-1]
    found = next((p for p in reversed(picks) if not p.is_final), last)
    return Result(
        steps=tuple(steps_of(picks, truth)),
        found=truth.searched(found.settings),
        final=truth.searched(last.settings),
        held_out=truth.held_out(last.settings),
        changes=_changes(last, truth),
        ended_s=setup.clock.now(),
        trials=every[-1].trials,
        wall_s=perf_counter() - began_s,
    )


def steps_of(picks: Sequence[Pick], truth: Truth) -> Iterator[Step]:
    """The picks at which the value of the recommendation changes."""
    before: Step | None = None
    for pick in picks:
        step = Step(pick.engine_s, truth.searched(pick.settings))
        if before is None or step.value != before.value:
            yield step
        before = step


def _changes(pick: Pick, truth: Truth) -> dict[str, Setting | None]:
    default = truth.default
    names = sorted({*pick.settings, *default})
    return {n: pick.settings.get(n) for n in names if pick.settings.get(n) != default.get(n)}


@dataclass(slots=True)
class Shelf:
    """Finished searches in a file of JSON lines, each written the moment it ends.

    What was found with other code or on other recordings is passed over: `digests` are by source.
    """

    path: Path
    code: str
    digests: Mapping[str, str]

    def read(self, cells: Sequence[Cell]) -> dict[Cell, Result]:
        """Those of `cells` that are finished."""
        by_key = dict(self._rows())
        return {cell: by_key[key] for cell in cells if (key := self.key(cell)) in by_key}

    def add(self, cell: Cell, result: Result) -> None:
        """Keep one. Raises `MachineError` when the disk refuses."""
        row = {"schema_version": SCHEMA_VERSION, "key": self.key(cell), **self._named(cell)}
        line = json.dumps({**row, "result": result.to_json()}, separators=(",", ":"))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as out:
                out.write(line + "\n")
        except OSError as error:
            raise disk_error(self.path, error) from error

    def key(self, cell: Cell) -> str:
        """Equal only for the same search by the same code on the same measurements."""
        return json.dumps([*self._named(cell).values(), self.code, self.digests[cell.source.name]])

    @staticmethod
    def _named(cell: Cell) -> dict[str, Any]:
        return {
            "setup": cell.source.name,
            "kind": cell.source.kind,
            "strategy": cell.strategy,
            "noise": cell.noise,
            "budget_s": cell.budget_s,
            "seed": cell.seed,
        }

    def _rows(self) -> Iterator[tuple[str, Result]]:
        if not self.path.is_file():
            return
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                yield row["key"], Result.from_json(row["result"])
            except (json.JSONDecodeError, KeyError, TypeError):
                continue  # a line that a kill tore


def code_digest() -> str:
    """Twelve hex digits of the program text: results of other code are not mixed with these."""
    import autotune

    root = Path(autotune.__file__).parent
    found = hashlib.sha256()
    for folder in ("search", "simulated", "strategies", "trial", "scoring", "models"):
        for path in sorted((root / folder).rglob("*.py")):
            found.update(path.name.encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:12]
