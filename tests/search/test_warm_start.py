"""What earlier studies found is tried early, counted, and never more than its share."""

from __future__ import annotations

from entries import SPACE, entry, ledger
from formula import SPACE as FORMULA
from formula import Bench, FormulaMeasurer
from hypothesis import given
from hypothesis import strategies as st

from autotune.candidate import Setting
from autotune.search.planned import FROM_STUDY
from autotune.search.surrogate import Point
from autotune.search.warm_start import (
    COLD,
    MOST_CONFIGS,
    MOST_SHARE,
    EarlierStudy,
    WarmStart,
    allowed,
    known_values,
)


def study(name: str, *configs: dict[str, Setting], likeness: float = 0.9) -> EarlierStudy:
    points = (Point({"a": 1, "b": 1}, 0.0, 0.03), Point({"a": 1, "b": 2}, -0.2, 0.06))
    return EarlierStudy(
        name=name, likeness=likeness, same="same GPU", configs=configs, points=points
    )


BASE = entry(0, "default", 2.0, {"a": 1, "b": 1})


def test_the_best_of_each_study_comes_before_the_second_best_of_any() -> None:
    warm = WarmStart((study("one", {"b": 2}, {"a": 2, "c": 2}), study("two", {"a": 2})))
    rows, labels = [BASE], []
    while (planned := warm.planned(SPACE, ledger(*rows), allowed=9)) is not None:
        labels.append((planned.label, dict(planned.values)))
        values: dict[str, Setting] = dict(planned.values)
        rows.append(entry(len(rows), planned.label, 3.0, values))
    assert labels == [
        ("from study one", {"a": 1, "b": 2}),
        ("from study two", {"a": 2, "b": 1, "c": 1}),
        ("from study one", {"a": 2, "b": 1, "c": 2}),
    ]


def test_what_is_known_is_not_tried_again_and_unknown_values_are_defaults() -> None:
    warm = WarmStart((study("one", {"b": 1}, {"b": 7, "z": 3}),))
    assert warm.planned(SPACE, ledger(BASE), allowed=3) is None
    assert known_values(SPACE, {"b": 7, "z": 3, "a": 2}) == {"a": 2}
    assert COLD.planned(SPACE, ledger(BASE), allowed=3) is None


@given(st.floats(10, 1e5) | st.none(), st.integers(1, 300) | st.none(), st.floats(0, 1e4))
def test_earlier_configs_get_their_share_of_the_budget_and_one_trial_at_least(
    limit_s: float | None, trials: int | None, typical_s: float
) -> None:
    count = allowed(limit_s, trials, typical_s)
    assert 1 <= count <= MOST_CONFIGS
    if count > 1 and limit_s is not None:
        assert count * typical_s <= MOST_SHARE * limit_s
    if count > 1 and trials is not None:
        assert count <= MOST_SHARE * trials


def test_points_are_told_apart_by_their_study_and_come_back_from_disk() -> None:
    warm = WarmStart((study("one", likeness=0.9), study("two", likeness=0.5)))
    assert warm.likeness == {1: 0.9, 2: 0.5}
    assert [p.study for p in warm.points] == [1, 1, 2, 2]
    assert EarlierStudy.from_json(warm.studies[0].to_json()) == warm.studies[0]
    (note,) = warm.notes
    assert "one (same GPU; 2 trials); two (same GPU; 2 trials)" in note
    assert "--no-warm-start" in note
    assert COLD.notes == ()


WON = {"batch-size": 128, "spec-type": "ngram", "spec-n": 4}
WRONG = {"batch-size": 1024, "spec-type": "none", "threads": 1}


def formula_study(config: dict[str, Setting], sign: float) -> WarmStart:
    """A study of the formula's space; with a negative `sign` all that it says is wrong."""
    base = FORMULA.defaults
    effects = ({"batch-size": 128}, -0.2), ({"spec-type": "ngram", "spec-n": 4}, -0.4)
    points = [Point(base, 0.0, 0.03)]
    points += [Point({**base, **changes}, sign * t, 0.03) for changes, t in effects]
    one = EarlierStudy(name="old", likeness=0.9, same="", configs=(config,), points=tuple(points))
    return WarmStart((one,))


def test_a_good_start_is_the_second_trial_and_the_best(bench: Bench) -> None:
    found = bench.run(FormulaMeasurer(), 6, warm=formula_study(WON, 1.0))
    assert [e.label for e in found.measured][:2] == ["default", f"{FROM_STUDY}old"]
    assert found.best is not None
    assert found.best.settings["spec-type"] == "ngram"
    assert found.best.settings["batch-size"] == 128


def test_a_wrong_start_costs_its_one_trial_and_changes_nothing_after(bench: Bench) -> None:
    """A tenth of 20 trials is two; the study has one config, and that is all it costs."""
    found = bench.run(FormulaMeasurer(), 20, warm=formula_study(WRONG, -1.0))
    tried = [e for e in found.measured if e.label.startswith(FROM_STUDY)]
    assert len(tried) == 1
    cold = Bench(bench.path / "cold").run(FormulaMeasurer(), 19)
    assert found.best is not None
    assert cold.best is not None
    assert found.best.value is not None
    assert cold.best.value is not None
    assert found.best.value <= cold.best.value * 1.02
