"""What the looks at the machine say of one turn."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from autotune.hardware.gpu import ClockEvent, GpuProcess, GpuState
from autotune.hardware.load import LoadSample
from autotune.hardware.telemetry_summary import TelemetrySample
from autotune.hardware.telemetry_turn import turn_machine
from autotune.records import TurnMachine

MIB = 2**20


def look(at_s: float, **facts: object) -> TelemetrySample:
    """A look at the time `at_s`; the first second has no load yet."""
    defaults: dict[str, object] = {
        "load": LoadSample(1.0, 0.25 * at_s, 0.5, 0.01) if at_s else None,
        "memory_available_bytes": 1,
        "swap_used_bytes": 0,
        "own_pids": frozenset({7, 8}),
    }
    return TelemetrySample(at_s=at_s, **{**defaults, **facts})  # type: ignore[arg-type]


def state(clock: int, events: int, held: int | None) -> GpuState:
    processes = (GpuProcess(7, held), GpuProcess(8, MIB), GpuProcess(99, 500 * MIB))
    return GpuState(sm_clock_mhz=clock, events=ClockEvent(events), processes=processes)


LOOKS = [
    look(0.0, gpu=state(300, 0x1, None), engine_rss_bytes=10, swap_used_bytes=100),
    look(1.0, gpu=state(1700, 0x0, 3 * MIB), engine_rss_bytes=20, swap_used_bytes=100),
    look(2.0, gpu=state(1600, 0x24, 5 * MIB), engine_rss_bytes=50, swap_used_bytes=170),
    look(3.0, gpu=state(1500, 0x1, 4 * MIB), engine_rss_bytes=30, swap_used_bytes=150),
]


def test_the_looks_of_a_turn() -> None:
    assert turn_machine(LOOKS, 0.5, 2.5) == TurnMachine(
        looks=2,
        sm_clock_mean_mhz=1650.0,
        sm_clock_max_mhz=1700,
        throttle=0x24,
        vram_peak_bytes=6 * MIB,  # 5 and 1 of ours; what pid 99 holds is not
        rss_peak_bytes=50,
        other_cores=0.375,  # of 0.25 and 0.5
        steal_share=0.01,
        swap_delta_bytes=70,
    )


def test_swap_may_shrink_and_idle_is_no_throttling() -> None:
    seen = turn_machine(LOOKS, 2.5, 3.0)
    assert (seen.looks, seen.throttle, seen.swap_delta_bytes) == (1, 0, -20)


def test_a_turn_between_two_looks_has_the_one_before_it() -> None:
    seen = turn_machine(LOOKS, 1.2, 1.7)
    assert (seen.looks, seen.sm_clock_max_mhz) == (1, 1700)


def test_nothing_seen_is_nothing_known() -> None:
    assert turn_machine([], 0.0, 1.0) == TurnMachine(looks=0)
    assert turn_machine(LOOKS, -2.0, -1.0) == TurnMachine(looks=0)


def test_what_the_driver_does_not_tell_is_unknown() -> None:
    host = [look(0.0), look(1.0, gpu=GpuState())]
    seen = turn_machine(host, 0.0, 1.0)
    assert (seen.looks, seen.throttle, seen.vram_peak_bytes, seen.rss_peak_bytes) == (
        2, None, None, None
    )  # fmt: skip
    strangers = look(0.0, gpu=GpuState(processes=(GpuProcess(99, MIB),)))
    assert turn_machine([strangers], 0.0, 1.0).vram_peak_bytes is None


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=20).map(sorted),
    st.floats(0, 100),
    st.floats(0, 20),
)
def test_every_turn_after_the_first_look_has_one(
    times: list[float], start: float, length: float
) -> None:
    seen = turn_machine([look(at) for at in times], start, start + length)
    within = sum(start <= at <= start + length for at in times)
    assert seen.looks == (within or (1 if times[0] <= start + length else 0))


def test_what_others_take_of_the_card_is_told_where_the_driver_tells_it() -> None:
    def busy(sm_share: float) -> GpuState:
        own = GpuProcess(ours, MIB, 0.9)
        return GpuState(processes=(own, GpuProcess(stranger, MIB, sm_share)))

    # A stranger must be a process that lives; whatever number it has, ours is another.
    stranger = os.getpid()
    ours = stranger + 1
    looks = [
        look(at_s, gpu=busy(share), own_pids={ours}) for at_s, share in ((0.0, 0.1), (1.0, 0.3))
    ]
    assert turn_machine(looks, 0.0, 1.0).other_gpu_share == 0.2
    assert turn_machine(LOOKS, 0.5, 2.5).other_gpu_share is None
