"""Several makers' GPUs as one list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autotune.errors import MachineError
from autotune.hardware.gpu import Gpu, GpuState
from autotune.hardware.probe import Probes, gpu_probe


def test_all_cards_and_each_asked_where_it_is(fake_probe: Any, card: Callable[..., Gpu]) -> None:
    one, other = card("NVIDIA GeForce RTX 3090"), card("AMD Radeon RX 7900 XTX", index=1)
    nvidia = fake_probe((one,), {one.uuid: GpuState(temperature_c=40)})
    amd = fake_probe((other,), {other.uuid: GpuState(temperature_c=50)}, problem="old driver")
    probe = Probes([nvidia, amd])
    assert probe.state(other.uuid).temperature_c == 50
    assert probe.state(one.uuid).temperature_c == 40
    assert probe.gpus() == (one, other)
    assert probe.problem == "old driver"
    with pytest.raises(MachineError, match="no GPU GPU-none"):
        probe.state("GPU-none")


def test_nothing_wrong_is_no_problem(fake_probe: Any) -> None:
    assert Probes([fake_probe(), fake_probe()]).problem is None


def test_this_machine_can_be_asked() -> None:
    with gpu_probe() as probe:
        assert isinstance(probe.gpus(), tuple)
