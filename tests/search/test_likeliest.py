"""Which scales are taken: those under which what was measured is likeliest, and no others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from autotune.candidate import Setting
from autotune.search.grams import Scales, grams_between
from autotune.search.levels import levels_of
from autotune.search.likeliest import Likeliest
from autotune.search.space import Parameter, Space

if TYPE_CHECKING:
    from autotune.search.levels import Floats

SPACE = Space(
    "e",
    (
        Parameter("a", (0, 1), 0, "batch size", ordered=True),
        Parameter("b", (0, 1), 0, "batch size", ordered=True),
        Parameter("c", (0, 1), 0, "threads", ordered=True),
    ),
)
LEVELS = levels_of(SPACE, gpu=False)
ROWS: list[dict[str, Setting]] = [
    {"a": 0, "b": 0, "c": 0}, {"a": 1, "b": 0, "c": 0}, {"a": 0, "b": 1, "c": 0},
    {"a": 1, "b": 1, "c": 0},
]  # fmt: skip


def found(*logs: float, error: float = 0.005) -> Scales:
    codes = LEVELS.codes(ROWS)
    rest = np.array(logs)

    def evidence(kernel: Floats, noise: float) -> float:
        covariance = kernel + 1.0 + (noise * error) ** 2 * np.eye(len(rest))
        _, size = np.linalg.slogdet(covariance)
        return float(-0.5 * rest @ np.linalg.solve(covariance, rest) - 0.5 * size)

    return Likeliest(grams_between(LEVELS, codes, codes), ["a", "b"], evidence).found()


def test_a_concept_that_decides_more_than_was_thought_is_stretched() -> None:
    scales = found(0.0, -0.5, -0.4, -0.9)
    assert scales.stretch["batch size"] > 1.0
    assert "threads" not in scales.stretch  # nobody moved it


def test_a_flag_that_did_nothing_is_expected_to_do_nothing() -> None:
    scales = found(0.0, -0.2, 0.0, -0.2)
    assert scales.own["b"] < 1.0 <= scales.own["a"]


def test_points_that_contradict_each_other_are_noise() -> None:
    calm, loud = found(0.0, 0.0, 0.0, 0.0), found(0.0, 0.02, 0.02, -0.03)
    assert calm.noise == 1.0
    assert loud.noise >= calm.noise
    assert math.isfinite(loud.pairs)
