"""A Mac's GPU, by what sysctl says."""

from __future__ import annotations

import sys

import pytest

from autotune.errors import MachineError
from autotune.hardware.apple import AppleProbe, apple_probe, sysctl
from autotune.hardware.gpu import GpuState, Vendor
from autotune.hardware.profiles import profile_of

GIB = 2**30


def mac(name: str | None = "Apple M4 Max", limit: str | None = "0") -> AppleProbe:
    values = {"machdep.cpu.brand_string": name, "iogpu.wired_limit_mb": limit}
    return AppleProbe(values.get, lambda: 40 * GIB)


def test_the_system_s_own_limit_is_unknown() -> None:
    (gpu,) = mac().gpus()
    assert (gpu.name, gpu.uuid, gpu.vendor) == ("Apple M4 Max", "apple-m4-max", Vendor.APPLE)
    assert (gpu.vram_bytes, gpu.free_bytes) == (None, None)
    assert gpu.pin == {}
    assert profile_of(gpu).name == "apple-m4-max"
    assert mac().state(gpu.uuid) == GpuState()


@pytest.mark.parametrize(("limit", "free"), [("49152", 40), ("16384", 16)])
def test_a_limit_that_was_set(limit: str, free: int) -> None:
    (gpu,) = mac(limit=limit).gpus()
    assert (gpu.vram_bytes, gpu.free_bytes) == (int(limit) * 2**20, free * GIB)
    assert mac(limit=limit).state(gpu.uuid).free_bytes == free * GIB


@pytest.mark.parametrize("limit", [None, "", "unknown", "0"])
def test_no_limit_is_no_limit_of_zero(limit: str | None) -> None:
    (gpu,) = mac(limit=limit).gpus()
    assert gpu.vram_bytes is None


def test_a_chip_without_a_profile_is_an_apple_chip() -> None:
    (gpu,) = mac("Apple M9 Ultra").gpus()
    assert profile_of(gpu).chain == ("gpu-apple", "gpu-unified", "gpu")


@pytest.mark.parametrize("name", [None, "Intel(R) Core(TM) i9-9880H CPU @ 2.30GHz", "VirtualApple"])
def test_no_gpu_of_apple_s(name: str | None) -> None:
    assert mac(name).gpus() == ()


def test_another_gpu_is_not_here() -> None:
    with pytest.raises(MachineError, match="no GPU GPU-1"):
        mac().state("GPU-1")


@pytest.mark.skipif(sys.platform == "darwin", reason="for other systems")
def test_elsewhere_there_is_no_probe() -> None:
    assert apple_probe() is None
    assert apple_probe(lambda _: None) is not None
    assert sysctl("hw.memsize") is None
