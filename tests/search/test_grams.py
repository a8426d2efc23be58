"""The kernel in parts is the kernel: sums over flags and over pairs of them, one by one."""

from __future__ import annotations

from itertools import combinations

import pytest

from autotune.candidate import Setting
from autotune.search.grams import NEAR, Scales, grams_alone, grams_between
from autotune.search.levels import Levels, levels_of
from autotune.search.space import Parameter, Space

SPACE = Space(
    "e",
    (
        Parameter("a", (1, 2, 3), 1, "batch size", ordered=True),
        Parameter("b", (0, 1), 0, "batch size", ordered=True),
        Parameter("c", ("x", "y", "z"), "x", "threads"),
    ),
)
LEVELS = levels_of(SPACE)
ROWS: list[dict[str, Setting]] = [
    {"a": 1, "b": 0, "c": "x"},
    {"a": 3, "b": 1, "c": "y"},
    {"a": 2, "b": 1, "c": "z"},
]


def by_hand(levels: Levels, one: int, other: int, scales: Scales) -> float:
    """Every flag's covariance, and every product of two of them over their deviations."""
    codes = levels.codes(ROWS)
    names = [p.concept for p in SPACE.parameters]
    own = [scales.own.get(p.name, 1.0) for p in SPACE.parameters]
    stretch = [
        scales.stretch.get(name, 1.0) * factor for name, factor in zip(names, own, strict=True)
    ]
    parts = [
        float(table[codes[one, p], codes[other, p]]) * stretch[p] ** 2
        for p, table in enumerate(levels.tables)
    ]
    shared = [x / (s * d) for x, s, d in zip(parts, stretch, levels.deviations, strict=True)]
    pairs = 0.0
    for p, q in combinations(range(len(parts)), 2):
        share = max(scales.pairs, NEAR) if names[p] == names[q] else scales.pairs
        pairs += share**2 * shared[p] * shared[q]
    return sum(parts) + pairs


@pytest.mark.parametrize(
    "scales",
    [
        Scales({}, 1.0, 0.1),
        Scales({"batch size": 2.0}, 1.0, 0.4),
        Scales({"batch size": 0.5, "threads": 4.0}, 2.0, 0.0),
        Scales({"threads": 2.0}, 1.0, 0.9, {"a": 0.25, "c": 2.0}),
    ],
)
def test_parts_add_up_to_the_kernel(scales: Scales) -> None:
    codes = LEVELS.codes(ROWS)
    kernel = grams_between(LEVELS, codes, codes).kernel(scales)
    alone = grams_alone(LEVELS, codes).kernel(scales)
    for one in range(len(ROWS)):
        assert alone[one] == pytest.approx(by_hand(LEVELS, one, one, scales))
        for other in range(len(ROWS)):
            assert kernel[one, other] == pytest.approx(by_hand(LEVELS, one, other, scales))


def test_the_default_shares_nothing_with_anything() -> None:
    codes = LEVELS.codes(ROWS)
    kernel = grams_between(LEVELS, codes[:1], codes).kernel(Scales({}, 1.0, 0.4))
    assert kernel.tolist() == [[0.0, 0.0, 0.0]]


def test_one_other_term_makes_the_kernel_of_other_scales() -> None:
    codes = LEVELS.codes(ROWS)
    grams = grams_between(LEVELS, codes, codes)
    sums = grams.sums(Scales({}, 1.0, 0.4))
    wider = sums.with_term("threads", sums.terms["threads"].times(2.0))
    assert wider.kernel(0.4) == pytest.approx(grams.kernel(Scales({"threads": 2.0}, 1.0, 0.4)))
    narrow = sums.with_term(
        "batch size", sums.terms["batch size"].plus(grams.flags["a"], factor=0.5, before=1.0)
    )
    own = grams.kernel(Scales({}, 1.0, 0.4, {"a": 0.5}))
    assert narrow.kernel(0.4) == pytest.approx(own)
