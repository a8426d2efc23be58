from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import MachineError
from autotune.hardware.gpu import ClockEvent, Gpu, GpuProcess, GpuState
from autotune.hardware.load import LoadMeter, LoadSample, SystemTimes, system_times
from autotune.hardware.processes import TreeTimes
from autotune.hardware.telemetry import TelemetrySampler
from autotune.hardware.telemetry_summary import (
    TelemetrySample,
    TelemetrySummary,
    other_cores_limit,
    summarise,
)

MIB = 2**20


def meter(looks: Iterable[tuple[float, float, float, float]], cores: int = 2) -> LoadMeter:
    """Of ``(clock, busy, steal, own)`` seconds, one a look; `own` is process 1's."""
    rows = list(looks)
    at = iter(rows)
    clock = iter([rows[0][0], *[t for t, *_ in rows[1:] for _ in (0, 1)]])
    current: list[tuple[float, float, float, float]] = []

    def system() -> SystemTimes:
        current[:] = [next(at)]
        return SystemTimes(busy_s=current[0][1], steal_s=current[0][2])

    def trees(_: Iterable[int]) -> TreeTimes:
        return TreeTimes({(1, 0.0): current[0][3]})

    return LoadMeter(
        lambda: (1,), cores=cores, clock=lambda: next(clock), system=system, trees=trees
    )


def test_others_are_everybody_less_ourselves() -> None:
    load = meter([(10.0, 100.0, 1.0, 30.0), (12.0, 103.0, 1.2, 31.0)]).read()
    assert load is not None
    assert load.seconds == 2.0
    assert load.own_cores == pytest.approx(0.5)  # one second in two
    assert load.other_cores == pytest.approx(1.0)  # (3 - 1) / 2
    assert load.steal_share == pytest.approx(0.05)  # 0.2 of 2 s x 2 cores


def test_partners_are_neither_ours_nor_others() -> None:
    """A partner's tree has ours below it: what is ours is not taken off twice."""
    own, partners, busy = iter([10.0, 11.0]), iter([40.0, 41.5]), iter([100.0, 103.0])
    clock = iter([10.0, 12.0, 12.0])
    latest = [0.0]

    def trees(roots: Iterable[int]) -> TreeTimes:
        if tuple(roots) == (1,):
            latest[0] = next(own)
            return TreeTimes({(1, 0.0): latest[0]})
        return TreeTimes({(1, 0.0): latest[0], (9, 0.0): next(partners)})

    made = LoadMeter(
        lambda: (1,),
        cores=4,
        clock=lambda: next(clock),
        system=lambda: SystemTimes(busy_s=next(busy), steal_s=0.0),
        trees=trees,
        partners=lambda: (8,),
    )
    load = made.read()
    assert load is not None
    assert load.own_cores == pytest.approx(0.5)
    assert load.other_cores == pytest.approx(0.25)  # (3 - 1 - 1.5) / 2
    assert made.own_pids == {1}


def test_our_time_may_be_booked_before_the_machine_s() -> None:
    load = meter([(0.0, 50.0, 0.0, 10.0), (1.0, 50.5, 0.0, 11.0)]).read()
    assert load is not None
    assert load.other_cores == 0.0


def test_too_soon_is_no_load_and_keeps_the_first_look() -> None:
    rows = [(0.0, 0.0, 0.0, 0.0), (0.01, 9.0, 0.0, 0.0)]
    assert meter(rows).read() is None


def test_the_machine_s_own_times_only_grow() -> None:
    before = system_times()
    end = time.process_time() + 0.03
    while time.process_time() < end:
        pass
    after = system_times()
    assert after.busy_s >= before.busy_s > 0
    assert after.steal_s >= before.steal_s >= 0


def samples(
    other: list[float],
    *,
    steal: float = 0.0,
    swap: list[int] | None = None,
    gpu: Callable[[int], GpuState] | None = None,
    own_pids: frozenset[int] = frozenset(),
) -> list[TelemetrySample]:
    """A first look and one a second for each of `other`."""
    swaps = swap or [0] * (len(other) + 1)
    loads = [None, *[LoadSample(1.0, cores, 0.5, steal) for cores in other]]
    return [
        TelemetrySample(
            at_s=float(i),
            load=load,
            memory_available_bytes=(100 - i) * MIB,
            swap_used_bytes=swaps[i],
            gpu=gpu(i) if gpu else None,
            own_pids=own_pids,
        )
        for i, load in enumerate(loads)
    ]


def test_a_quiet_machine() -> None:
    summary = summarise(samples([0.1, 0.0, 0.2, 0.1]), cores=2)
    assert summary.contaminated is False
    assert summary.reasons == ()
    assert summary.seconds == 4.0
    assert summary.samples == 5
    assert summary.other_cores_median == pytest.approx(0.1)
    assert summary.other_cores_mean == pytest.approx(0.1)
    assert summary.other_cores_max == 0.2
    assert summary.own_cores_mean == 0.5
    assert summary.memory_available_min_bytes == 96 * MIB
    assert summary.swap_growth_bytes == 0
    assert summary.gpu is None


@pytest.mark.parametrize(
    ("other", "cores", "reason"),
    [
        ([0.3, 0.3, 0.3], 2, "other processes kept 0.30 cores busy (limit 0.25)"),
        ([0.2, 0.3, 0.9], 2, "other processes kept 0.30 cores busy"),
        # bursts: the median is 0, the mean 0.6 is above twice the limit
        ([0.0, 0.0, 0.0, 1.5, 1.5], 2, "bursts of other processes: 0.60 cores on average"),
        ([0.0, 0.0, 0.0, 0.0, 2.0], 2, None),  # 0.4 on average, once
        ([0.3, 0.3, 0.3], 32, None),  # 1.6 of 32 cores are borne
        ([1.7, 1.7, 1.7], 32, "1.70 cores busy (limit 1.60)"),
    ],
)
def test_load_of_others(other: list[float], cores: int, reason: str | None) -> None:
    summary = summarise(samples(other), cores=cores)
    assert summary.contaminated is (reason is not None)
    assert bool(summary.reasons) == bool(reason)
    assert reason is None or reason in summary.reasons[0]


def test_too_few_looks_are_no_verdict() -> None:
    summary = summarise(samples([2.0, 2.0]), cores=2)
    assert summary.contaminated is None
    assert summary.other_cores_median == 2.0
    nothing = summarise([], cores=2)
    assert (nothing.contaminated, nothing.seconds, nothing.other_cores_median) == (None, 0.0, None)
    assert nothing.swap_growth_bytes is None


def test_steal_and_swap() -> None:
    stolen = summarise(samples([0.0] * 3, steal=0.06), cores=2)
    assert stolen.reasons == ("the hypervisor took 6% of the processor",)
    swapping = summarise(samples([0.0] * 3, swap=[MIB, MIB, 66 * MIB, 2 * MIB]), cores=2)
    assert swapping.reasons == ("swap grew by 65 MiB",)
    little = summarise(samples([0.0] * 3, swap=[MIB, MIB, 65 * MIB, MIB]), cores=2)
    assert little.contaminated is False


def test_a_long_interval_counts_for_more() -> None:
    first = TelemetrySample(
        at_s=0, load=None, memory_available_bytes=1, swap_used_bytes=0, own_pids=frozenset()
    )
    rest = [
        TelemetrySample(
            at_s=at,
            load=LoadSample(seconds, cores, 0.0, 0.0),
            memory_available_bytes=1,
            swap_used_bytes=0,
        )
        for at, seconds, cores in ((9.0, 9.0, 0.0), (10.0, 1.0, 1.0))
    ]
    assert summarise([first, *rest], cores=2).other_cores_mean == pytest.approx(0.1)


def test_heat_is_contamination_and_a_power_cap_is_not() -> None:
    def hot(i: int) -> GpuState:
        return GpuState(events=ClockEvent.SW_THERMAL if i == 2 else ClockEvent.POWER_CAP)

    summary = summarise(samples([0.0] * 4, gpu=hot), cores=2)
    assert summary.gpu is not None
    assert (summary.gpu.slowdown_share, summary.gpu.power_cap_share) == (0.2, 0.8)
    assert summary.reasons == ("the GPU was slowed down by heat or power at 20% of the looks",)
    capped = samples([0.0] * 4, gpu=lambda _: GpuState(events=ClockEvent.POWER_CAP))
    assert summarise(capped, cores=2).contaminated is False


def test_what_a_card_does_not_tell_stays_none() -> None:
    summary = summarise(samples([0.0] * 3, gpu=lambda _: GpuState()), cores=2)
    assert summary.gpu is not None
    assert summary.gpu.slowdown_share is None
    assert summary.gpu.used_max_bytes is None
    assert summary.gpu.other_share is None
    assert summary.contaminated is False


def test_clocks_memory_and_power_of_the_card() -> None:
    def state(i: int) -> GpuState:
        return GpuState(
            sm_clock_mhz=1500 + i,
            used_bytes=i * MIB,
            free_bytes=(10 - i) * MIB,
            power_w=100.0 + i,
            temperature_c=60 + i,
        )

    gpu = summarise(samples([0.0] * 4, gpu=state), cores=2).gpu
    assert gpu is not None
    assert (gpu.sm_clock_median_mhz, gpu.sm_clock_min_mhz) == (1502, 1500)
    assert (gpu.used_max_bytes, gpu.free_min_bytes) == (4 * MIB, 6 * MIB)
    assert (gpu.power_median_w, gpu.temperature_max_c) == (102.0, 64)


def test_processes_of_others_on_the_card() -> None:
    here = os.getppid()  # exists, and is not ours here

    def state(_: int) -> GpuState:
        listed = (
            GpuProcess(here, 5, 0.1),
            GpuProcess(4_000_001, 5, 0.9),  # not in this namespace: perhaps ours, by another name
            GpuProcess(77, 5, 0.8),  # ours
        )
        return GpuState(processes=listed)

    summary = summarise(samples([0.0] * 3, gpu=state, own_pids=frozenset({77})), cores=2)
    assert summary.gpu is not None
    assert summary.gpu.other_pids == (here,)
    assert summary.gpu.other_share == pytest.approx(0.1)
    assert summary.reasons == ("other processes took 10% of the GPU",)


def test_an_idle_neighbour_on_the_card_is_named_and_borne() -> None:
    listed = (GpuProcess(os.getppid(), 5, 0.0),)
    summary = summarise(samples([0.0] * 3, gpu=lambda _: GpuState(processes=listed)), cores=2)
    assert summary.gpu is not None
    assert summary.gpu.other_pids == (os.getppid(),)
    assert summary.contaminated is False


@given(st.lists(st.floats(0, 8), min_size=3, max_size=12), st.integers(1, 128))
def test_the_verdict_and_its_reasons_agree(other: list[float], cores: int) -> None:
    summary = summarise(samples(other), cores=cores)
    assert summary.contaminated == bool(summary.reasons)
    if max(other) <= other_cores_limit(cores):
        assert summary.contaminated is False


def test_json_is_plain() -> None:
    import json

    data = summarise(samples([0.0] * 3, gpu=lambda _: GpuState()), cores=2).to_json()
    assert data["schema_version"] == "telemetry/1"
    assert json.loads(json.dumps(data))["gpu"]["slowdown_share"] is None


def wait_for(sampler: TelemetrySampler, enough: Callable[[TelemetrySummary], bool]) -> None:
    deadline = time.monotonic() + 20
    while not enough(sampler.summary()) and time.monotonic() < deadline:
        time.sleep(0.02)


def test_it_watches_from_a_thread_and_counts_our_children_as_ours() -> None:
    with TelemetrySampler(period_s=0.06) as sampler:
        code = "while True: pass"
        with subprocess.Popen([sys.executable, "-c", code]) as child:
            wait_for(sampler, lambda s: s.samples >= 6 and (s.own_cores_mean or 0) > 0.05)
            child.kill()
    summary = sampler.summary()
    assert summary.samples >= 6
    assert summary.seconds > 0
    assert summary.contaminated is not None
    assert (summary.own_cores_mean or 0) > 0.05
    assert summary.gpu is None


def test_a_short_measurement_has_its_two_looks() -> None:
    with TelemetrySampler(period_s=60) as sampler:
        pass
    assert sampler.summary().samples == 2


def test_a_window_of_time() -> None:
    clock = count(0.0, 1.0)
    rows = [(float(i), 0.0, 0.0, 0.0) for i in range(20)]
    sampler = TelemetrySampler(
        meter=meter(rows), memory_available=lambda: 5, clock=lambda: next(clock)
    )
    for _ in range(6):
        sampler.sample()
    assert sampler.summary().samples == 6
    window = sampler.summary(1.0, 3.0)
    assert (window.samples, window.seconds) == (3, 2.0)
    assert sampler.summary(start_s=100.0).contaminated is None


def test_a_server_of_somebody_else_can_be_made_ours() -> None:
    seen: list[tuple[int, ...]] = []

    class Recording(TelemetrySampler):
        def _root_pids(self) -> tuple[int, ...]:
            seen.append(super()._root_pids())
            return ()

    sampler = Recording(memory_available=lambda: 5)
    sampler.own(os.getppid())
    wait_for(sampler, lambda _: bool(sampler.sample().load))
    assert set(seen[0]) == {os.getpid()}
    assert set(seen[-1]) == {os.getpid(), os.getppid()}


def test_the_card_is_watched(fake_probe: Any, card: Callable[..., Gpu]) -> None:
    gpu = card("NVIDIA GeForce RTX 3090")
    probe = fake_probe((gpu,), {gpu.uuid: GpuState(sm_clock_mhz=1695)})
    with TelemetrySampler(probe=probe, gpu_uuid=gpu.uuid, period_s=60) as sampler:
        pass
    summary = sampler.summary()
    assert summary.gpu is not None
    assert summary.gpu.sm_clock_median_mhz == 1695


def test_a_turn_takes_a_look_unless_there_is_a_fresh_one() -> None:
    times = iter([0.0, 0.1, 0.1, 5.0, 5.0, 5.1])
    rows = [(float(i), 0.0, 0.0, 0.0) for i in range(20)]
    sampler = TelemetrySampler(
        meter=meter(rows), memory_available=lambda: 5, clock=lambda: next(times), period_s=1.0
    )
    sampler.sample()  # at 0.0
    assert sampler.turn(0.0, 0.1).looks == 1  # at 0.1: fresh
    assert sampler.summary().samples == 1
    sampler.sample()  # at 0.1
    assert sampler.turn(4.0, 5.0).looks == 1  # at 5.0: a new one, which is of the turn
    assert sampler.summary().samples == 3


def test_the_engine_s_memory_is_ours_without_the_tuner_s() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        with TelemetrySampler(period_s=60) as sampler:
            pass
        child.communicate(b"\n")
    summary = sampler.summary()
    assert summary.engine_rss_max_bytes is not None
    assert 1 * MIB < summary.engine_rss_max_bytes < 200 * MIB


def test_energy_is_a_difference_and_power_limits_are_told() -> None:
    def state(i: int) -> GpuState:
        own = GpuProcess(77, (5 + i) * MIB)
        return GpuState(energy_j=1000.0 + 250 * i, power_limit_w=280.0, processes=(own,))

    summary = summarise(samples([0.0] * 3, gpu=state, own_pids=frozenset({77})), cores=2)
    assert summary.gpu is not None
    assert (summary.gpu.energy_j, summary.gpu.power_limit_w) == (750.0, 280.0)
    assert summary.gpu.own_used_max_bytes == 8 * MIB
    once = summarise(samples([], gpu=state), cores=2)
    assert once.gpu is not None
    assert once.gpu.energy_j is None


def test_a_card_that_is_not_here_is_an_error_at_once(fake_probe: Any) -> None:
    with pytest.raises(MachineError), TelemetrySampler(probe=fake_probe(), gpu_uuid="GPU-none"):
        pass
