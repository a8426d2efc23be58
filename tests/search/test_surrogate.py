"""The surrogate: effects of single flags add up, and earlier studies are worth what they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.search.levels import levels_of
from autotune.search.space import Parameter, Space
from autotune.search.surrogate import Point, Surrogate, fit

SPACE = Space(
    "e",
    (
        Parameter("a", (0, 1), 0, "batch size", ordered=True),
        Parameter("b", (0, 1), 0, "cache slots", ordered=True),
        Parameter("c", ("x", "y"), "x", "threads"),
    ),
)
LEVELS = levels_of(SPACE)
DEFAULT = {"a": 0, "b": 0, "c": "x"}


def point(log_time: float, study: int = 0, error: float = 0.01, **changes: int | str) -> Point:
    return Point({**DEFAULT, **changes}, log_time, error, study)


def fitted(*points: Point, **likeness: float) -> Surrogate:
    return fit(LEVELS, points, {int(n[1:]): v for n, v in likeness.items()})


def test_nothing_measured_is_nothing_known() -> None:
    with pytest.raises(ValueError, match="nothing of this study"):
        fitted(point(0.0, study=1), s1=0.9)


def test_what_was_measured_is_known_and_what_was_not_is_uncertain() -> None:
    found = fitted(point(0.0), point(-0.2, a=1))
    mean, deviation = found.predict([{**DEFAULT, "a": 1}, {**DEFAULT, "b": 1}])
    assert mean[0] == pytest.approx(-0.2, abs=0.02)
    assert deviation[0] < 0.02 < deviation[1]


def test_effects_of_two_flags_add_up_before_anybody_tried_both() -> None:
    found = fitted(point(0.0), point(-0.2, a=1), point(-0.1, b=1))
    mean, deviation = found.predict([{"a": 1, "b": 1, "c": "x"}])
    assert mean[0] == pytest.approx(-0.3, abs=0.03)
    assert deviation[0] > 0.005


def test_a_pair_that_does_not_add_up_is_learnt() -> None:
    found = fitted(point(0.0), point(-0.2, a=1), point(-0.1, b=1), point(0.1, a=1, b=1))
    mean, _ = found.predict([{"a": 1, "b": 1, "c": "x"}])
    assert mean[0] == pytest.approx(0.1, abs=0.04)


def test_a_noisy_look_is_believed_less() -> None:
    sure = fitted(point(0.0), point(-0.3, a=1, error=0.01))
    unsure = fitted(point(0.0), point(-0.3, a=1, error=0.3))
    row = [{**DEFAULT, "a": 1}]
    assert sure.predict(row)[0][0] < unsure.predict(row)[0][0]


def test_an_earlier_study_tells_as_much_as_it_is_like_this_one() -> None:
    earlier = [point(0.0, 1), point(-0.4, 1, a=1)]
    row = [{**DEFAULT, "a": 1}]
    near = fitted(point(0.0), *earlier, s1=0.95).predict(row)[0][0]
    far = fitted(point(0.0), *earlier, s1=0.4).predict(row)[0][0]
    none = fitted(point(0.0), *earlier, s1=0.0).predict(row)[0][0]
    assert near < far < none
    assert none == pytest.approx(fitted(point(0.0)).predict(row)[0][0], abs=0.02)


def test_the_level_of_an_earlier_study_is_its_own() -> None:
    """It was measured on a machine twice as slow: only what flags did there counts."""
    earlier = [point(0.7, 1), point(0.3, 1, a=1)]
    mean, _ = fitted(point(0.0), *earlier, s1=0.95).predict([DEFAULT, {**DEFAULT, "a": 1}])
    assert mean[0] == pytest.approx(0.0, abs=0.03)
    assert mean[1] < -0.2


def test_what_contradicts_this_study_makes_it_less_likely() -> None:
    own = [point(0.0), point(-0.3, a=1), point(0.2, b=1)]
    wrong = [point(0.0, 1), point(0.4, 1, a=1), point(-0.4, 1, b=1)]
    right = [point(0.0, 1), point(-0.3, 1, a=1), point(0.2, 1, b=1)]
    cold = fitted(*own).log_evidence
    assert fitted(*own, *wrong, s1=0.9).log_evidence < cold
    assert fitted(*own, *right, s1=0.9).log_evidence > cold


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=6))
def test_predictions_alone_and_together_agree(rows: list[tuple[int, int]]) -> None:
    found = fitted(point(0.0), point(-0.2, a=1), point(0.1, c="y"))
    configs = [{"a": a, "b": b, "c": "x"} for a, b in rows]
    mean, deviation = found.predict(configs)
    means, covariance = found.joint(configs)
    assert means == pytest.approx(mean)
    assert covariance.diagonal() == pytest.approx(deviation**2, abs=1e-6)
