from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.strategies.cells import OVERRUN, Cell, Result, Shelf, code_digest, run_cell, steps_of
from autotune.strategies.compared import USUAL_BUDGET, Comparison, EngineTime, compare_strategies
from autotune.strategies.optimum import climb, optimum_of
from autotune.strategies.runner import run_cells
from autotune.strategies.seam import Pick
from autotune.strategies.sources import (
    Source,
    digest_of,
    floor_of,
    is_recording,
    source_named,
    truth_of,
    usual_sources,
)

SOURCE = Source("2-cores-vllm", "two cores, simulated")
BUDGET_S = 600.0


@dataclass
class Watched:
    """Hears everything."""

    notes: list[str] = field(default_factory=list)
    expected: list[tuple[int, int]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def expect(self, total: int, kept: int) -> None:
        self.expected.append((total, kept))

    def told(self, cell: Cell, result: Result) -> None:
        self.cells.append(cell)


def asked(seeds: int = 2) -> Comparison:
    names = ("random", "grid")
    return Comparison(
        sources=[SOURCE],
        strategies=names,
        noise="quiet",
        seeds=seeds,
        budgets=(EngineTime(seconds=BUDGET_S),),
    )


def shelf(tmp_path: Path, code: str = "c") -> Shelf:
    return Shelf(tmp_path / "searches.jsonl", code, {SOURCE.name: "d"})


def test_a_machine_is_named_and_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert source_named("2-cores-vllm", tmp_path).kind == "simulated"
    assert "2-cores-vllm" in {source.name for source in usual_sources()}
    with pytest.raises(UserError, match="nothing to search is called 'nowhere'"):
        source_named("nowhere", tmp_path)
    study = tmp_path / "mine"
    study.mkdir()
    assert not is_recording(study)
    (study / "provenance.json").write_text("{}")
    found = source_named("mine", tmp_path)
    assert (found.kind, found.name, found.folder) == ("recorded", "mine", study.resolve())


def test_noises_are_named_alike_and_mean_what_the_measurer_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded = Source("r", "a recording", Path("r"))
    monkeypatch.setattr("autotune.strategies.sources.knows_noise", lambda _: True)
    assert SOURCE.noise_called("usual") == "shared"
    assert Source("h100-qwen-32b-vllm", "a card").noise_called("usual") == "quiet"
    assert Source("h100-qwen-32b-vllm", "a card").noise_called("shared") == "shared"
    assert recorded.noise_called("usual") == "recorded"
    monkeypatch.setattr("autotune.strategies.sources.knows_noise", lambda _: False)
    assert recorded.noise_called("usual") == "none"
    assert recorded.noise_called("tenfold-bursts") == "tenfold-bursts"
    with pytest.raises(UserError, match="its noise is as it was"):
        recorded.noise_called("quiet")
    with pytest.raises(UserError, match="no noise is called"):
        SOURCE.noise_called("loud")


def test_truth_is_without_noise_and_the_floor_is_of_the_noise() -> None:
    truth = truth_of(SOURCE)
    value = truth.searched(truth.default)
    assert value == truth.searched(truth.default) is not None
    assert truth.held_out(truth.default) != value
    assert floor_of(SOURCE, "none") == pytest.approx(0.0, abs=1e-9)
    assert 0.0 < floor_of(SOURCE, "quiet") < floor_of(SOURCE, "usual")
    assert floor_of(SOURCE, "tenfold-bursts") == floor_of(SOURCE, "shared")


def test_the_optimum_is_no_worse_than_anything_near() -> None:
    truth = truth_of(SOURCE)
    least = optimum_of(truth)
    default = truth.searched(truth.default)
    assert default is not None
    assert least <= climb(truth, truth.setup.space.defaults) <= default


def test_a_digest_changes_with_what_is_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "factorial.json").write_text("{}")
    source = Source("r", "a recording", folder)
    before = digest_of(source)
    assert before == digest_of(source)
    (folder / "turns.jsonl").write_text("one\n")
    assert digest_of(source) != before
    assert digest_of(SOURCE) == digest_of(SOURCE)


def test_a_search_is_kept_by_what_its_recommendation_is_worth() -> None:
    cell = Cell(SOURCE, "random", "quiet", BUDGET_S, 1)
    found = run_cell(cell)
    assert found.steps[0].engine_s == 0.0
    truth = truth_of(SOURCE)
    assert found.steps[0].value == truth.searched(truth.default)
    assert found.steps[-1].value == found.final
    assert all(step.engine_s <= OVERRUN * BUDGET_S for step in found.steps)
    again = run_cell(cell)
    assert (again.steps, again.changes) == (found.steps, found.changes)
    assert Result.from_json(found.to_json()).final == found.final


def test_steps_are_where_the_value_changes() -> None:
    truth = truth_of(SOURCE)
    default = truth.default
    picks = [Pick(at, default, 1) for at in (0.0, 1.0, 2.0)]
    assert [step.engine_s for step in steps_of(picks, truth)] == [0.0]


def test_finished_searches_are_not_done_again(tmp_path: Path) -> None:
    cells, first, second = list(asked().cells()), Watched(), Watched()
    found = run_cells(cells, 1, shelf(tmp_path), first)
    assert first.expected == [(4, 0)]
    assert first.cells == cells
    with (tmp_path / "searches.jsonl").open("a") as out:
        out.write('{"key": "torn')
    again = run_cells(cells, 1, shelf(tmp_path), second)
    assert second.expected == [(0, 4)]
    assert [r.final for r in again.values()] == [r.final for r in found.values()]
    # Other code may decide otherwise: nothing of it is kept.
    assert shelf(tmp_path, code="other").read(cells) == {}


def test_searches_side_by_side_are_the_same(tmp_path: Path) -> None:
    cells = [Cell(SOURCE, "grid", "quiet", 200.0, seed) for seed in range(2)]
    one = run_cells(cells, 1, shelf(tmp_path / "one"), Watched())
    two = run_cells(cells, 2, shelf(tmp_path / "two"), Watched())
    assert [r.steps for r in one.values()] == [r.steps for r in two.values()]


def test_a_comparison_from_names_to_groups(tmp_path: Path) -> None:
    watch = Watched()
    (group,) = compare_strategies(asked(), tmp_path, jobs=1, watch=watch)
    assert list(group.results) == ["random", "grid"]
    assert [len(rows) for rows in group.results.values()] == [2, 2]
    assert group.default is not None
    assert group.optimum <= group.default
    assert any("optimum" in note for note in watch.notes)
    later = Watched()
    compare_strategies(asked(), tmp_path, jobs=1, watch=later)
    assert later.notes == []  # the optimum is kept, too


def test_a_budget_in_trials_is_of_each_source_its_own() -> None:
    each_s = truth_of(SOURCE).trial_s()
    assert USUAL_BUDGET.of(SOURCE) == pytest.approx(60 * each_s, abs=0.1)
    twice = (EngineTime(trials=1), EngineTime(seconds=round(each_s, 1)))
    asked = Comparison(sources=[SOURCE], strategies=("grid",), noise="none", seeds=1, budgets=twice)
    assert [cell.budget_s for cell in asked.cells()] == [round(each_s, 1)]


def test_the_code_has_a_digest() -> None:
    assert len(code_digest()) == 12


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A climb from the default and no other place: the others take seconds.

    The code stays the same, though somebody may be at work on it while a test runs.
    """
    monkeypatch.setattr("autotune.strategies.optimum.CHANCES", 0)
    monkeypatch.setattr("autotune.strategies.compared.code_digest", lambda: "code")
