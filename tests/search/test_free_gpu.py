"""A GPU that others use is not measured on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from autotune.errors import MachineError
from autotune.hardware.gpu import Gpu, GpuProcess, GpuState
from autotune.search.free_gpu import require_free_gpu
from autotune.search.limits import HOST_SHARE, memory_limits
from autotune.search.setup import Setup

GIB = 2**30
MIB = 2**20
CARD = Gpu(
    uuid="GPU-1", name="NVIDIA GeForce RTX 3090", index=0, vram_bytes=24 * GIB, free_bytes=16 * GIB
)


class Probe:
    """Shows a card of which somebody else holds a third."""

    problem = None

    def gpus(self) -> tuple[Gpu, ...]:
        return (CARD,)

    def state(self, uuid: str) -> GpuState:
        assert uuid == CARD.uuid
        return GpuState(free_bytes=16 * GIB, processes=(GpuProcess(1, 8 * GIB),))


def setup(gpu: Gpu | None = CARD, **request: Any) -> Setup:
    usual = {"allow_busy": False, "assume_gpu": False, "host_bytes": None}
    asked = SimpleNamespace(**{**usual, **request})
    return cast("Setup", SimpleNamespace(gpu=gpu, request=asked))


def test_a_busy_gpu_is_refused_and_says_how_to_go_on() -> None:
    with pytest.raises(MachineError, match=r"the GPU is busy: .* \(pid 1\) hold 33%") as error:
        require_free_gpu(setup(), Probe())
    assert "--allow-busy" in error.value.hint


def test_it_is_measured_on_where_that_was_said() -> None:
    require_free_gpu(setup(allow_busy=True), Probe())
    require_free_gpu(setup(None), Probe())


def test_a_card_has_its_own_limit_and_the_host_another() -> None:
    limits = memory_limits(setup())
    assert limits.device_bytes == 16 * GIB
    assert limits.host_bytes is not None
    assert limits.both_bytes is None
    assert memory_limits(setup(None)).device_bytes is None


def test_a_worker_takes_no_more_than_its_share_of_the_host() -> None:
    assert memory_limits(setup(host_bytes=MIB)).host_bytes == MIB
    whole = memory_limits(setup(host_bytes=1 << 60)).host_bytes
    assert whole is not None
    assert whole < 1 << 60


def test_shared_memory_has_one_limit() -> None:
    """GB10 tells nothing of its memory: the host's counts, for both together."""
    gb10 = Gpu(uuid="GPU-2", name="NVIDIA GB10", index=0)
    limits = memory_limits(setup(gb10))
    assert limits.device_bytes is None
    assert limits.both_bytes == limits.host_bytes is not None


def test_a_mac_s_own_limit_is_kept_beside_the_shared_one() -> None:
    mac = Gpu(uuid="m", name="Apple M4 Max", index=0, vram_bytes=48 * GIB, free_bytes=40 * GIB)
    limits = memory_limits(setup(mac))
    assert limits.device_bytes == 40 * GIB
    assert limits.both_bytes == limits.host_bytes


def test_of_a_machine_that_is_not_here_only_the_gpu_is_known() -> None:
    limits = memory_limits(setup(assume_gpu=True))
    assert (limits.device_bytes, limits.host_bytes, limits.both_bytes) == (16 * GIB, None, None)
    mac = Gpu(uuid="m", name="Apple M4 Max", index=0, vram_bytes=64 * GIB, free_bytes=64 * GIB)
    shared = memory_limits(setup(mac, assume_gpu=True))
    assert (shared.device_bytes, shared.host_bytes) == (None, None)
    assert shared.both_bytes == int(64 * GIB * HOST_SHARE)
