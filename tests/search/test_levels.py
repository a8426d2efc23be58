"""Levels: what is expected of each value before anything is measured."""

from __future__ import annotations

import pytest

from autotune.search.levels import (
    ALIKE,
    BY_CONCEPT,
    DETAIL,
    DEVIATION,
    HARM,
    ON_GPU,
    ON_PROCESSOR,
    levels_of,
)
from autotune.search.space import Parameter, Space

SPACE = Space(
    "e",
    (
        Parameter("ubatch", (128, 256, 512, 1024, 2048), 512, "batch size", ordered=True),
        Parameter("method", ("none", "ngram", "map"), "none", "speculation"),
        Parameter("size", (4, 8), 8, "speculation", ordered=True, requires={"method": ("ngram",)}),
        Parameter("poll", (True, False), True, "other"),
    ),
)


def test_values_are_levels_and_the_default_is_none_of_them() -> None:
    rows = [{"ubatch": 512, "method": "none", "poll": True}, {"ubatch": 128, "method": "map"}]
    assert levels_of(SPACE).codes(rows).tolist() == [[0, 0, 0, 0], [1, 2, 0, 0]]


def test_a_flag_that_is_off_and_a_value_that_is_unknown_are_no_change() -> None:
    assert levels_of(SPACE).codes([{"ubatch": 99, "poll": False}]).tolist() == [[0, 0, 0, 1]]


def test_numbers_in_order_walk_away_from_the_default_on_two_sides() -> None:
    # Levels 1 to 4 are 128 (two steps down), 256 (one down), 1024 (one up), 2048 (two up).
    table = levels_of(SPACE).tables[0] / BY_CONCEPT["batch size"] ** 2
    expected = [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 2]]
    assert table[1:, 1:].ravel() == pytest.approx([x for row in expected for x in row])
    assert not table[0].any()


def test_words_are_alike_in_not_being_the_default() -> None:
    table = levels_of(SPACE, gpu=True).tables[1] / BY_CONCEPT["speculation"] ** 2
    assert table[1, 1] == table[2, 2] == pytest.approx(1.0)
    assert table[1, 2] == table[2, 1] == pytest.approx(ALIKE)
    assert not table[0].any()


def test_a_detail_of_what_is_off_decides_less_than_whether_it_is_on() -> None:
    deviations = levels_of(SPACE, gpu=True).deviations
    assert deviations[1] == BY_CONCEPT["speculation"]
    assert deviations[2] == pytest.approx(DETAIL * BY_CONCEPT["speculation"])
    assert deviations[3] == DEVIATION
    assert levels_of(SPACE, {"poll": 0.5}).deviations[3] == 0.5


def test_every_change_is_expected_to_harm_a_little() -> None:
    means = levels_of(SPACE).means[0]
    assert means[0] == 0.0
    assert means[2] == pytest.approx(HARM)
    assert means[1] == pytest.approx(HARM * 2**0.5)


def test_what_decides_on_a_gpu_is_not_what_decides_on_a_processor() -> None:
    threads = Parameter("threads", (4, 8), 8, "threads", ordered=True)
    space = Space("e", (*SPACE.parameters, threads))
    card, processor = (levels_of(space, gpu=gpu).deviations for gpu in (True, False))
    assert card[1] == BY_CONCEPT["speculation"]
    assert processor[1] == ON_PROCESSOR["speculation"]
    assert card[4] == ON_GPU["threads"] < processor[4] == BY_CONCEPT["threads"]
