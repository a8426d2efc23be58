"""Against what others published, and what this project recorded: within the error that is stated.

The same figures are in ``studies/simulator-calibration``.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from autotune.simulated.calibration import (
    RecordedTurn,
    decode_errors,
    fitted,
    predicted_ttft_s,
    read_turns,
    ttft_errors,
)
from autotune.simulated.machine import GIB
from autotune.simulated.published import Published, published
from autotune.simulated.published_turns import filled, llama_buckets, vllm_buckets
from autotune.simulated.recorded_cores import PACES, ROOFLINES, SESSIONS, recorded
from autotune.simulated.roofline import Pace

STUDIES = Path(__file__).parents[2] / "studies"


def rows(machine: str) -> list[Published]:
    return [row for row in published() if row.machine == machine]


def test_half_of_the_published_figures_are_met_within_five_percent() -> None:
    off = [abs(row.error) for row in published()]
    assert len(off) > 40
    assert median(off) < 0.05
    assert max(off) < 0.30


def test_figures_that_no_pace_has_seen_are_met_within_an_eighth() -> None:
    held = [abs(row.error) for row in published() if row.held]
    assert len(held) >= 10
    assert median(held) < 0.125


def test_a_3090_prefills_and_decodes_as_published() -> None:
    found = {row.what: row.error for row in rows("RTX 3090") if "27B" in row.model}
    assert abs(found["prefill to 10k"]) < 0.05
    assert abs(found["prefill at 183k"]) < 0.05
    assert abs(found["MTP n=2, prose"]) < 0.05
    assert abs(found["MTP n=2, code"]) < 0.05


def test_ranks_flip_with_depth() -> None:
    ratios = {row.what: row for row in rows("two RTX 3090, vLLM") if "ratio" in row.what}
    short = ratios["int8 KV against fp8, short (ratio)"]
    deep = ratios["int8 KV against fp8, 35k (ratio)"]
    assert short.predicted() > 1.1 > 0.5 > deep.predicted()
    assert abs(short.error) < 0.05
    assert abs(deep.error) < 0.05


def test_a_3090_waits_as_long_as_published_at_every_depth() -> None:
    found = llama_buckets()
    assert [bucket.label for bucket in found] == ["0-10k", "10-30k", "30-60k", "60-120k", "120k+"]
    assert all(bucket.turns >= 50 for bucket in found)
    assert max(abs(bucket.error) for bucket in found) < 0.20


def test_vllm_on_one_3090_waits_longer_by_far() -> None:
    first, second = vllm_buckets()
    assert 0.4 < first.simulated_s / first.published_s < 2.5
    assert 0.4 < second.simulated_s / second.published_s < 2.5
    assert second.simulated_s > 8 * llama_buckets()[1].simulated_s


def test_a_context_that_starts_may_not_hold() -> None:
    # 262,144 tokens start and pass a probe of 91,000, and fail at 125,000 to 155,000.
    assert filled(262_144, 0) is not None
    assert filled(262_144, 91_000) is not None
    assert filled(262_144, 125_000) is not None
    assert filled(262_144, 155_000) is None
    # 200,000 tokens are filled to 183,000 with 1.2 GB left.
    assert (filled(200_000, 183_000) or 0) / GIB == pytest.approx(1.2, abs=0.1)


@pytest.mark.parametrize(
    ("engine", "cold", "warm", "decode"),
    [("llama-server", 0.08, 0.18, 0.15), ("vllm", 0.05, 0.08, 0.15)],
)
def test_recorded_turns_are_met_with_the_error_that_is_stated(
    engine: str, cold: float, warm: float, decode: float
) -> None:
    turns = [turn for session in SESSIONS for turn in recorded(STUDIES, engine, session)]
    roofline = ROOFLINES[engine](PACES[engine])
    colds = ttft_errors([t for t in turns if not t.warm], lambda _: roofline)
    warms = ttft_errors([t for t in turns if t.warm], lambda _: roofline)
    assert colds["all"].median < cold
    assert warms["all"].median < warm
    assert decode_errors(turns, lambda _: roofline)["all"].median < decode


def test_a_pace_is_found_again_from_turns_that_it_made() -> None:
    of = ROOFLINES["llama-server"]
    true = PACES["llama-server"]
    turns = [_made(of(true), depth, new) for depth, new in _SHAPES]
    start = Pace(matmul=0.5, attention=0.5, weights=true.weights, cache=0.5, request_s=0.01)
    found = fitted(turns, of, start)
    assert found.attention == pytest.approx(true.attention, rel=0.05)
    assert ttft_errors(turns, lambda _: of(found))["all"].median < 0.01
    assert decode_errors(turns, lambda _: of(found))["all"].p90 < 0.02


_SHAPES = [(depth, new) for depth in (2_000, 9_000, 25_000, 70_000) for new in (300, depth)]


def _made(roofline: object, depth: int, new: int) -> RecordedTurn:
    from autotune.simulated.calibration import predicted_tps
    from autotune.simulated.roofline import Roofline

    assert isinstance(roofline, Roofline)
    turn = RecordedTurn(new < depth, depth, new, 1.0, None)
    return RecordedTurn(
        turn.warm, depth, new, predicted_ttft_s(roofline, turn), predicted_tps(roofline, turn)
    )


def test_a_study_of_the_prefix_cache_is_read_both_ways() -> None:
    turns = read_turns(STUDIES / "prefix-cache-vllm" / "made-up-session" / "cache-effect.csv")
    assert len(turns) == 64
    assert (turns[2].warm, turns[2].depth, turns[2].computed) == (False, 9615, 9615)
    assert (turns[3].warm, turns[3].computed) == (True, 4367)
    assert turns[1].decode_tps is None
