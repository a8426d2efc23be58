"""Seeds of draws: another one for every trial, the same for the same trial."""

from __future__ import annotations

from autotune.search.suggest import draw_seed


def test_every_draw_has_a_seed_of_its_own_that_fits_32_bits() -> None:
    seeds = {draw_seed(seed, drawn) for seed in range(20) for drawn in range(200)}
    assert len(seeds) == 4000
    assert all(0 <= seed < 2**31 for seed in seeds)
