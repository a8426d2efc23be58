"""Several looks at a machine."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from autotune.hardware.gpu import Gpu, GpuProcess, GpuState
from autotune.nightly.idle import Busy
from autotune.nightly.idle_look import Eyes, look, still_held

GIB = 2**30
CARD = Gpu(uuid="GPU-1", name="RTX", index=0, vram_bytes=24 * GIB)


class Probe:
    """Shows one state after another, and the last one for ever."""

    problem = None

    def __init__(self, *states: GpuState) -> None:
        self.states = list(states)

    def gpus(self) -> tuple[Gpu, ...]:
        return (CARD,)

    def state(self, uuid: str) -> GpuState:
        assert uuid == CARD.uuid
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


def shares(*of: tuple[int, float | None]) -> GpuState:
    return GpuState(processes=tuple(GpuProcess(pid, sm_share=share) for pid, share in of))


def holding(*of: tuple[int, int]) -> GpuState:
    return GpuState(processes=tuple(GpuProcess(pid, used_bytes=held) for pid, held in of))


def eyes(
    *states: GpuState, requests: Sequence[int | None] = (), slept: list[float] | None = None
) -> Eyes:
    told = iter(requests)
    return Eyes(
        gpu=CARD if states else None,
        probe=Probe(*(states or (GpuState(),))),
        endpoint="http://127.0.0.1:8080" if requests else None,
        ours=lambda: (9,),
        looks=2,
        sleep=(slept if slept is not None else []).append,
        name_of=lambda pid: f"program{pid}",
        person=lambda: 12.0,
        requests=lambda _: next(told),
    )


def test_shares_are_means_and_requests_the_most() -> None:
    slept: list[float] = []
    seen = look(
        eyes(
            shares((7, 0.5), (8, 0.125), (9, 1.0)),
            shares((8, 0.25), (9, 1.0)),
            requests=(1, 3),
            slept=slept,
        )
    )
    assert (seen.gpu_share, seen.gpu_by) == (0.4375, "program7 (pid 7)")
    assert (seen.requests, seen.person_s) == (3, 12.0)
    assert seen.core_limit is not None
    assert slept == [1.0, 1.0]


def test_a_processor_has_no_shares() -> None:
    seen = look(eyes())
    assert (seen.gpu_share, seen.gpu_by, seen.requests) == (None, "", None)


def test_a_card_whose_processes_are_not_listed_tells_nothing() -> None:
    assert look(eyes(GpuState(processes=None))).gpu_share is None
    assert look(eyes(shares((7, None)))).gpu_share == 0.0


def test_an_endpoint_that_does_not_tell() -> None:
    assert look(eyes(requests=(None, None))).requests is None
    assert look(eyes(requests=(None, 0))).requests == 0


def test_memory_is_waited_for() -> None:
    slept: list[float] = []
    seen = eyes(holding((7, 20 * GIB)), holding((7, 20 * GIB)), holding(), slept=slept)
    assert still_held(seen, 30.0) is None
    assert slept == [1.0, 1.0]


def test_who_does_not_let_go_is_named() -> None:
    found = still_held(eyes(holding((7, 12 * GIB))), 2.0)
    assert found == Busy("program7 (pid 7) hold 50% of its memory")


def test_a_processor_is_held_by_nobody() -> None:
    assert still_held(eyes(), 2.0) is None


@pytest.mark.parametrize("most_s", [0.0, -1.0])
def test_no_time_is_one_look(most_s: float) -> None:
    slept: list[float] = []
    assert still_held(eyes(holding((7, 12 * GIB)), slept=slept), most_s) is not None
    assert slept == []
