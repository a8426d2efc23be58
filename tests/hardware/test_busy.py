"""Who else uses a card."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.hardware.busy import busy_with
from autotune.hardware.gpu import Gpu, GpuProcess, GpuState

GIB = 2**30


@pytest.mark.parametrize(
    ("processes", "free", "words"),
    [
        ((), 24, None),
        ((), 19, None),  # a desktop with a browser: 21%
        ((), 17, "29% of its memory is taken by processes that the driver does not list"),
        (None, 24, None),
        (None, 4, "83% of its memory is taken"),
        ([GpuProcess(7, 2 * GIB)], 22, None),
        ([GpuProcess(7, 3 * GIB)], 21, "python (pid 7) hold 12% of its memory"),
        ([GpuProcess(7, 1, 0.05)], 24, None),
        ([GpuProcess(7, 1, 0.06)], 24, "python (pid 7) compute on it"),
        ([GpuProcess(7, 1), GpuProcess(8, None)], 20, "python (pid 7), python (pid 8) hold 17%"),
        ([GpuProcess(99, 20 * GIB, 0.9)], 4, "83% of its memory is taken"),  # 99 is ours ...
        ([GpuProcess(99, 20 * GIB, 0.9), GpuProcess(7, GIB)], 4, None),  # ... and 7 holds 4%
    ],
)
def test_who_is_too_much(
    card: Callable[..., Gpu], processes: list[GpuProcess] | None, free: int, words: str | None
) -> None:
    state = GpuState(
        free_bytes=free * GIB, processes=None if processes is None else tuple(processes)
    )
    gpu = card("NVIDIA GeForce RTX 3090")
    found = busy_with(gpu, state, ours={99}, name_of=lambda _: "python")
    assert (found is None) == (words is None)
    assert words is None or words in (found or "")


def test_a_card_without_memory_of_its_own_can_still_be_at_work(card: Callable[..., Gpu]) -> None:
    gpu = card("NVIDIA GB10", vram=None)

    def found(process: GpuProcess) -> str | None:
        state = GpuState(processes=(process,))
        return busy_with(gpu, state, ours=(), name_of=lambda _: "vllm")

    assert found(GpuProcess(7, 90 * GIB)) is None
    assert found(GpuProcess(7, None, 0.5)) == "vllm (pid 7) compute on it"
