"""The figures of a factorial, on one that follows a formula."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from factorial_effects import Point, factors_of, levels, shares, within
from factorial_recorder import Recorder
from factorial_shelf import Shelf
from formula import SPACE, FormulaMeasurer
from show_factorial import BEGIN, END, figures, main, tell

from autotune.scoring.objective import Objective
from autotune.search.factorial import (
    FactorialFolder,
    configurations,
    described_plan,
    rung_plans,
)
from autotune.workload.synthesis.edits import edit_sessions
from autotune.workload.writer import write_capture

SPACE_TOML = """
schema_version = "search-space/1"
engine = "fake"

[parameters.batch-size]
choices = [256, 512]
default = 512
ordered = true
concept = "batch size"

[parameters.threads]
choices = [1, 2]
default = 2
ordered = true
concept = "threads"

[parameters.spec-type]
choices = ["none", "ngram"]
default = "none"
concept = "speculation"

[parameters.spec-n]
choices = [4, 8]
default = 8
ordered = true
concept = "speculation"
requires = { spec-type = "ngram" }
"""


def recorded(path: Path) -> Path:
    """All 2 x 2 x 3 configurations, at the whole plan and at the deep rung."""
    folder = FactorialFolder(path)
    path.mkdir()
    folder.space_path.write_text(SPACE_TOML)
    sessions = edit_sessions(sessions=2, turns=8, start_depth=420, depth=840, reply_tokens=10)
    write_capture(sessions, folder.workload_path)
    plans = rung_plans(folder.plan())
    rungs = {name: described_plan(plan) for name, plan in plans.items()}
    facts = {"plan_digest": folder.plan().digest, "rungs": rungs, "objective": "turn"}
    folder.write_facts(facts)
    shelf = Shelf(folder)
    with shelf:
        Recorder(
            shelf=shelf, space=folder.space(), rungs=plans, objective=Objective.TURN,
            measurer=FormulaMeasurer(), anchor_every=5, looks=1, seed=0, cores=2,
            say=lambda _: None,
        ).run(None)  # fmt: skip
    shelf.pack()
    return path


def test_what_applies_only_under_a_parameter_is_a_part_of_its_level() -> None:
    factors = factors_of(SPACE)
    assert list(factors) == ["batch-size", "threads", "spec-type"]
    kinds = {factors["spec-type"](settings) for settings in configurations(SPACE)}
    assert kinds == {"none", "ngram 4", "ngram 8"}


def grid(value: float = 1.0) -> list[Point]:
    """a doubles, b triples, and both together are `value` times what that makes."""
    return [
        Point({"a": a, "b": b}, 2.0**a * 3.0**b * (value if a and b else 1.0))
        for a in (0, 1)
        for b in (0, 1)
    ]


AB = {"a": lambda s: str(s["a"]), "b": lambda s: str(s["b"])}


def test_factors_that_only_multiply_explain_everything_alone() -> None:
    told = {s.factors: s.share for s in shares(grid(), AB)}
    # The logarithms' spreads are those of log 2 and log 3: their squares are the shares.
    two, three = math.log(2) ** 2, math.log(3) ** 2
    assert told[("a",)] == pytest.approx(two / (two + three))
    assert told[("b",)] == pytest.approx(three / (two + three))
    assert told[("a", "b")] == pytest.approx(0.0, abs=1e-12)


def test_what_only_both_together_do_is_their_interaction() -> None:
    told = {s.factors: s.share for s in shares(grid(value=4.0), AB)}
    assert sum(told.values()) == pytest.approx(1.0)
    # Effects of log 2 + log 4 / 2 and log 3 + log 4 / 2, and of log 4 / 2 together.
    a, b, ab = math.log(2) + math.log(2), math.log(3) + math.log(2), math.log(2)
    assert told[("a", "b")] == pytest.approx(ab**2 / (a**2 + b**2 + ab**2))
    assert shares([Point({"a": 0, "b": 0}, 1.0)], AB) == []


def test_levels_are_told_as_factors_of_the_mean() -> None:
    told = {(level.factor, level.name): level for level in levels(grid(), AB)}
    assert told["a", "1"].ratio == pytest.approx(math.sqrt(2))
    assert told["b", "0"].ratio == pytest.approx(1 / math.sqrt(3))
    assert told["b", "1"].best == 3.0


def test_near_the_best_is_by_its_share() -> None:
    assert [p.value for p in within(grid(), 1.0)] == [1.0, 2.0]
    assert [p.value for p in within(grid(), 0.05)] == [1.0]


def test_a_recording_is_told_in_its_readme(tmp_path: Path) -> None:
    path = recorded(tmp_path / "f")
    found = figures(path)
    assert (found.configurations, found.measured) == (12, 12)
    # Drafts halve the time to the first token, and of the lengths neither is the better one.
    assert found.best[0].value == found.best[1].value
    assert {point.settings.get("spec-n") for point in found.best[:2]} == {4, 8}
    assert found.ranks["deep"]["tau_b"] == pytest.approx(1.0)
    assert found.floor == pytest.approx(0.0, abs=1e-9)
    readme = path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    tell(readme, found)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "12 of 12 configurations" in text
    assert "| spec-type |" in text
    assert "old" not in text


def test_the_figures_can_be_had_as_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(recorded(tmp_path / "f")), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measured"] == 12
    assert main([str(tmp_path / "none"), "--json"]) == 2
    assert "hint:" in capsys.readouterr().err
