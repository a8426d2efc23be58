"""Which turns are contaminated, and what that makes of a measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autotune.hardware.gpu import ClockEvent
from autotune.records import TurnMachine, TurnRecord
from autotune.scoring.contaminated import (
    MARK,
    contaminated,
    contamination,
    marked,
    rate_disagreement,
    reasons,
)

CORES = 2


def turn(at: int = 0, **fields: Any) -> TurnRecord:
    """A good turn of one second: 32 tokens at 62 tok/s, by the client as by the engine."""
    defaults: dict[str, Any] = {
        "arm": "trial-0001", "block": 0, "order": at, "session_id": "s", "turn": at,
        "started_at": "2026-01-01T00:00:00+00:00", "asked_output_tokens": 32,
        "output_tokens": 32, "ttft_s": 0.5, "decode_tps": 62.0, "wall_s": 1.0,
        "server_decode_s": 0.5, "machine": TurnMachine(looks=3, other_cores=0.1),
    }  # fmt: skip
    return TurnRecord(**{**defaults, **fields})


def beside(**machine: Any) -> TurnRecord:
    return turn(machine=TurnMachine(**{"looks": 3, **machine}))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (beside(other_cores=0.9), "0.90 cores"),
        (beside(steal_share=0.1), "10% of the processor"),
        (beside(swap_delta_bytes=2**27), "128 MiB"),
        (beside(throttle=int(ClockEvent.HW_THERMAL)), "heat or the power supply"),
        (beside(other_gpu_share=0.5), "50% of the GPU"),
    ],
)
def test_what_others_do_contaminates(record: TurnRecord, words: str) -> None:
    assert words in (contamination(record, CORES) or "")
    assert marked(record, CORES).mark == MARK


@pytest.mark.parametrize(
    "record",
    [
        turn(),
        turn(machine=None),
        beside(),
        beside(other_cores=0.25, steal_share=0.05, swap_delta_bytes=-5, other_gpu_share=0.05),
        beside(throttle=int(ClockEvent.POWER_CAP | ClockEvent.IDLE)),
        turn(machine=TurnMachine(looks=3, other_cores=2.0), failure="crash"),
    ],
)
def test_what_is_within_the_limits_or_failed_is_left_alone(record: TurnRecord) -> None:
    assert contamination(record, CORES) is None
    assert marked(record, CORES) is record


def test_many_processors_hum() -> None:
    # A twentieth of 64 processors is 3.2.
    assert contamination(beside(other_cores=3.0), 64) is None
    assert contamination(beside(other_cores=3.3), 64)


def test_one_look_must_show_twice_as_much() -> None:
    assert contamination(beside(looks=1, other_cores=0.45), CORES) is None
    assert contamination(beside(looks=1, other_cores=0.55), CORES)


def test_another_mark_stays() -> None:
    assert marked(replace(beside(other_cores=0.9), mark="retried"), CORES).mark == "retried"


def test_a_starved_client_is_told_by_the_engine() -> None:
    # The engine took 0.5 s over 31 steps: 62 tok/s. The client read them at 81,000.
    starved = turn(decode_tps=81_000.0)
    assert "81000 tok/s, where the engine decoded 62 tok/s" in (contamination(starved, 2) or "")
    assert "all at once" in (contamination(turn(decode_tps=None), 2) or "")
    assert rate_disagreement(turn(decode_tps=20.0))  # read more than three times slower
    assert rate_disagreement(turn(decode_tps=180.0)) is None  # 2.9 times: drafts may do that
    assert rate_disagreement(turn(decode_tps=None, server_decode_s=None)) is None
    assert rate_disagreement(turn(output_tokens=8, decode_tps=900.0)) is None
    # 31 steps in 0.05 s: a delay of a few hundredths is all it takes.
    assert rate_disagreement(turn(decode_tps=81_000.0, server_decode_s=0.05)) is None


def test_a_measurement_bears_a_tenth() -> None:
    noisy = marked(beside(other_cores=1.0), CORES)
    ten = [turn(at) for at in range(9)] + [replace(noisy, order=9, turn=9)]
    found = contaminated(ten)
    assert (found.turns, found.of, found.seconds, found.of_seconds) == (1, 10, 1.0, 10.0)
    assert not found.spoiled
    assert contaminated([*ten, noisy]).spoiled
    assert not contaminated([]).spoiled


def test_too_short_to_have_been_watched() -> None:
    noisy = [marked(replace(beside(other_cores=1.0), wall_s=0.1), CORES) for _ in range(20)]
    assert not contaminated(noisy).spoiled
    starved = [marked(turn(at, wall_s=0.1, decode_tps=81_000.0), CORES) for at in range(5)]
    assert contaminated([*starved, turn(9, wall_s=0.1)]).spoiled


def test_an_engine_that_always_sends_at_once_is_not_disturbed() -> None:
    assert not contaminated([marked(turn(at, decode_tps=None), CORES) for at in range(10)]).spoiled


def test_reasons_are_told_once() -> None:
    seen = [marked(beside(other_cores=1.0), CORES)] * 3 + [marked(beside(steal_share=0.2), CORES)]
    assert reasons([*seen, turn()], CORES) == (
        "other processes kept 1.00 cores busy",
        "the hypervisor took 20% of the processor",
    )
