"""AMD cards, by a module that answers as ROCm's does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autotune.errors import MachineError
from autotune.hardware.amd import amd_probe
from autotune.hardware.gpu import ClockEvent, GpuProcess, GpuState, Vendor

GIB = 2**30
MIB = 2**20


class AmdError(Exception):
    """What the module raises for what a card does not have."""


def smi(**answers: Any) -> Any:
    """A module that answers as 7.0 does on a Radeon; an exception among `answers` is raised."""
    told: dict[str, Any] = {
        "init": None,
        "shut_down": None,
        "get_processor_handles": ["handle"],
        "get_gpu_enumeration_info": {"hip_id": 0, "hip_uuid": "GPU-4b2c1a9f8d3e6f7a"},
        "get_gpu_asic_info": {"market_name": "AMD Radeon RX 7900 XTX", "asic_serial": "0x4B2C"},
        "get_gpu_driver_info": {"driver_version": "6.14.14"},
        "get_gpu_memory_total": 24 * GIB,
        "get_gpu_vram_usage": {"vram_total": 24 * 1024, "vram_used": 2048},
        "get_power_info": {
            "socket_power": 0,
            "current_socket_power": "N/A",
            "average_socket_power": 287,
            "power_limit": 339_000_000,
        },
        "get_power_cap_info": {"power_cap": 339_000_000, "default_power_cap": 339_000_000},
        "get_clock_info": {"clk": 2371, "max_clk": 2482},
        "get_violation_status": AmdError("not supported"),
        "get_energy_count": {"energy_accumulator": 1_000_000, "counter_resolution": 15.25},
        "get_temp_metric": 61,
        "get_gpu_process_list": [
            {"pid": 7, "mem": 1, "memory_usage": {"vram_mem": 2 * GIB}},
            {"pid": 8, "mem": 1, "memory_usage": {"vram_mem": "N/A"}},
        ],
        **answers,
    }

    def call(answer: Any) -> Any:
        def answered(*_: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return answered

    calls = {f"amdsmi_{name}": call(answer) for name, answer in told.items()}
    return SimpleNamespace(
        AmdSmiException=AmdError,
        AmdSmiMemoryType=SimpleNamespace(VRAM=0),
        AmdSmiClkType=SimpleNamespace(GFX=0, MEM=1),
        AmdSmiTemperatureType=SimpleNamespace(EDGE=0, HOTSPOT=1),
        AmdSmiTemperatureMetric=SimpleNamespace(CURRENT=0),
        **calls,
    )


def state_of(**answers: Any) -> GpuState:
    with amd_probe(lambda: smi(**answers)) as probe:
        assert probe is not None
        return probe.state("GPU-4b2c1a9f8d3e6f7a")


def test_a_card() -> None:
    with amd_probe(smi) as probe:
        assert probe is not None
        (gpu,) = probe.gpus()
    assert (gpu.name, gpu.vendor, gpu.driver) == ("AMD Radeon RX 7900 XTX", Vendor.AMD, "6.14.14")
    assert (gpu.vram_bytes, gpu.free_bytes) == (24 * GIB, 22 * GIB)
    assert (gpu.power_limit_w, gpu.max_sm_clock_mhz) == (339.0, 2482)
    assert gpu.pin == {
        "ROCR_VISIBLE_DEVICES": "GPU-4b2c1a9f8d3e6f7a",
        "HIP_VISIBLE_DEVICES": "0",
        "CUDA_VISIBLE_DEVICES": "0",
    }


def test_what_it_is_doing() -> None:
    assert state_of() == GpuState(
        sm_clock_mhz=2371,
        memory_clock_mhz=2371,
        events=None,
        used_bytes=2 * GIB,
        free_bytes=22 * GIB,
        power_w=287.0,
        power_limit_w=339.0,
        energy_j=15.25,
        temperature_c=61,
        processes=(GpuProcess(7, 2 * GIB), GpuProcess(8, None)),
    )


@pytest.mark.parametrize(
    ("usage", "used"),
    [
        ({"vram_total": 24 * 1024, "vram_used": 512}, 512 * MIB),
        ({"vram_total": 24 * GIB, "vram_used": 512 * MIB}, 512 * MIB),
        ({"vram_total": 24 * 1024 - 16, "vram_used": 512}, 512 * MIB),  # what firmware keeps
        ({"vram_total": "N/A", "vram_used": "N/A"}, None),
        (AmdError("not supported"), None),
    ],
)
def test_memory_is_in_bytes_whatever_it_is_counted_in(usage: Any, used: int | None) -> None:
    state = state_of(get_gpu_vram_usage=usage)
    assert state.used_bytes == used
    assert state.free_bytes == (None if used is None else 24 * GIB - used)


@pytest.mark.parametrize(
    ("power", "watts", "limit"),
    [
        (
            {"current_socket_power": 600, "average_socket_power": "N/A", "power_limit": 750},
            600,
            750,
        ),
        ({"socket_power": 41, "power_limit": 300_000_000}, 41, 300),
        ({"socket_power": "N/A", "power_limit": "N/A"}, None, None),
        (AmdError("not supported"), None, None),
    ],
)
def test_power_is_in_watts(power: Any, watts: float | None, limit: float | None) -> None:
    state = state_of(get_power_info=power)
    assert (state.power_w, state.power_limit_w) == (watts, limit)


def test_throttling_where_it_is_told() -> None:
    quiet = {"active_prochot_thrm": False, "active_socket_thrm": False, "active_ppt_pwr": False}
    hot = {**quiet, "active_socket_thrm": True}
    capped = {**quiet, "active_ppt_pwr": True, "active_vr_thrm": "N/A"}
    silent = {"active_prochot_thrm": "N/A", "active_ppt_pwr": "N/A"}
    assert state_of(get_violation_status=quiet).events == ClockEvent(0)
    assert state_of(get_violation_status=hot).events == ClockEvent.HW_THERMAL
    assert state_of(get_violation_status=capped).events == ClockEvent.POWER_CAP
    assert state_of(get_violation_status=silent).events is None


def test_temperature_in_degrees() -> None:
    assert state_of(get_temp_metric=61_500).temperature_c == 61
    assert state_of(get_temp_metric=AmdError("not supported")).temperature_c is None


def test_what_a_release_lacks_is_unknown() -> None:
    module = smi(get_gpu_process_list=AmdError("no"), get_energy_count=AmdError("no"))
    del module.amdsmi_get_violation_status
    with amd_probe(lambda: module) as probe:
        assert probe is not None
        state = probe.state("GPU-4b2c1a9f8d3e6f7a")
    assert (state.processes, state.energy_j, state.events) == (None, None, None)


def test_no_rocm_is_no_probe_and_no_error() -> None:
    with amd_probe(lambda: None) as probe:
        assert probe is None


def test_a_library_that_is_not_there_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the package of 7.0 does: it prints, and fails with a KeyError."""

    def broken(_: str) -> Any:
        print("libamd_smi.so: cannot open shared object file")
        raise KeyError("libamd_smi.so")

    monkeypatch.setattr("importlib.import_module", broken)
    with amd_probe() as probe:
        assert probe is None
    assert capsys.readouterr().out == ""


def test_a_driver_that_does_not_answer_is_named() -> None:
    module = smi(init=AmdError("driver not loaded"), get_processor_handles=AmdError("no"))
    with amd_probe(lambda: module) as probe:
        assert probe is not None
        assert probe.problem == "the AMD driver library does not start: driver not loaded"
        assert probe.gpus() == ()


def test_a_card_that_is_not_here() -> None:
    with amd_probe(smi) as probe:
        assert probe is not None
        with pytest.raises(MachineError, match="no GPU GPU-none"):
            probe.state("GPU-none")
