from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import MachineError, UserError
from autotune.hardware.check import Check, CheckStatus, any_failed, fail, ok, warn
from autotune.hardware.check_config import check_hidden_settings
from autotune.hardware.check_gpu import check_clocks, check_gpu, check_vram
from autotune.hardware.check_load import check_engines, check_leftovers, check_load
from autotune.hardware.check_machine import ClockLook, check_clock, check_cpu, check_disk
from autotune.hardware.check_serving import check_engine, check_model
from autotune.hardware.cpu import CpuInfo
from autotune.hardware.engines import RunningEngine
from autotune.hardware.gpu import ClockEvent, Gpu, GpuProcess, GpuState
from autotune.hardware.load import LoadSample

Card = Callable[..., Gpu]
GIB = 2**30
NAMES = {10: "ollama", 11: "Xorg"}


def vram(gpu: Gpu, state: GpuState) -> Check:
    return check_vram(gpu, state, name_of=NAMES.__getitem__, memory_available_bytes=100 * GIB)


def test_only_a_fail_makes_a_machine_unfit() -> None:
    good, bad = ok("a", "fine"), warn("b", "meh", "do x")
    assert not any_failed([good, bad])
    assert any_failed([good, bad, fail("c", "broken", "do y")])
    assert bad.to_json() == {"name": "b", "status": "warn", "message": "meh", "fix": "do x"}


def test_gpu_found(fake_probe: Any, card: Card) -> None:
    gpu = card("NVIDIA GeForce RTX 3090")
    check, found = check_gpu(fake_probe((gpu,)), "3090")
    assert found is gpu
    assert check.status is CheckStatus.OK
    assert "RTX 3090, 24.0 GiB" in check.message


def test_gpu_not_found(fake_probe: Any, card: Card) -> None:
    probe = fake_probe((card("NVIDIA GeForce RTX 3090 Ti"),))
    check, found = check_gpu(probe, "3090")
    assert found is None
    assert check.status is CheckStatus.FAIL
    assert "RTX 3090 Ti" in check.message
    assert check.fix


def test_no_gpu_is_fine_unless_the_driver_is_broken(fake_probe: Any) -> None:
    assert check_gpu(fake_probe(), "auto")[0].status is CheckStatus.OK
    broken = fake_probe(problem="the driver library does not start: version mismatch")
    check, _ = check_gpu(broken, "auto")
    assert check.status is CheckStatus.WARN
    assert "version mismatch" in check.message
    assert check_gpu(broken, "cpu")[0].status is CheckStatus.OK
    failed, _ = check_gpu(broken, "3090")
    assert failed.status is CheckStatus.FAIL
    assert "version mismatch" in failed.message
    with pytest.raises(UserError):
        check_gpu(fake_probe(), "")


def test_who_holds_the_memory(card: Card) -> None:
    gpu = card("NVIDIA GeForce RTX 3090", vram=24, free=14)
    held = (GpuProcess(11, None), GpuProcess(10, 9 * GIB))
    check = vram(gpu, GpuState(free_bytes=14 * GIB, processes=held))
    assert check.status is CheckStatus.WARN
    assert check.message == "14.0 GiB of 24.0 GiB free (held by ollama pid 10 9.0 GiB, Xorg pid 11)"


def test_a_desktop_is_borne(card: Card) -> None:
    gpu = card("NVIDIA GeForce RTX 3090", vram=24, free=23)
    assert vram(gpu, GpuState()).status is CheckStatus.OK


def test_shared_memory_is_the_host_s(card: Card) -> None:
    check = vram(card("NVIDIA GB10", vram=None), GpuState())
    assert check.status is CheckStatus.OK
    assert check.message == "memory shared with the processor, 100.0 GiB available"


def test_clocks(card: Card) -> None:
    gpu = Gpu(
        uuid="u",
        name="n",
        index=0,
        power_limit_w=280.0,
        default_power_limit_w=350.0,
        max_sm_clock_mhz=2100,
    )
    state = GpuState(sm_clock_mhz=1695, temperature_c=60, events=ClockEvent.POWER_CAP)
    check = check_clocks(gpu, state)
    assert check.status is CheckStatus.OK
    assert check.message == (
        "1695 of 2100 MHz, power limit 280 W (default 350 W: results hold for this limit), 60 C"
    )
    hot = check_clocks(gpu, GpuState(events=ClockEvent.HW_THERMAL | ClockEvent.POWER_BRAKE))
    assert hot.status is CheckStatus.WARN
    assert "held down by hardware thermal slowdown, power brake" in hot.message
    silent = check_clocks(card("n"), GpuState())
    assert silent.message == "the driver tells neither clocks nor power"


@dataclass
class FakeMeter:
    load: LoadSample | None
    cores: int = 2

    def read(self) -> LoadSample | None:
        return self.load


@pytest.mark.parametrize(
    ("load", "status", "message"),
    [
        (LoadSample(1.0, 0.1, 0.0, 0.0), CheckStatus.OK, "0.10 of 2 cores (limit 0.25)"),
        (LoadSample(1.0, 0.9, 0.0, 0.0), CheckStatus.WARN, "0.90 of 2 cores (limit 0.25)"),
        (LoadSample(1.0, 0.1, 0.0, 0.2), CheckStatus.WARN, "the hypervisor takes 20%"),
        (None, CheckStatus.WARN, "could not be measured"),
    ],
)
def test_other_load(load: LoadSample | None, status: CheckStatus, message: str) -> None:
    slept: list[float] = []
    meter: Any = FakeMeter(load)
    check = check_load(meter, slept.append, 0.5)
    assert slept == [0.5]
    assert check.status is status
    assert message in check.message


def test_other_engines_and_leftovers() -> None:
    assert check_engines([]).status is CheckStatus.OK
    found = [RunningEngine(5, "ollama", 3 * GIB), RunningEngine(6, "vllm", None)]
    check = check_engines(found)
    assert check.status is CheckStatus.WARN
    assert check.message == "running: ollama pid 5 (3.0 GiB), vllm pid 6"
    assert check_leftovers([]).status is CheckStatus.OK
    left = check_leftovers([9, 7])
    assert left.status is CheckStatus.WARN
    assert "kill 7 9" in left.fix


@pytest.mark.parametrize(
    ("free", "status"),
    [(50 * GIB, CheckStatus.OK), (GIB, CheckStatus.WARN), (100 * 2**20, CheckStatus.FAIL)],
)
def test_disk(tmp_path: Path, free: int, status: CheckStatus) -> None:
    asked: list[Path] = []

    def free_bytes(path: Path) -> int:
        asked.append(path)
        return free

    check = check_disk(tmp_path / "not" / "there" / "yet", free_bytes)
    assert check.status is status
    assert asked == [tmp_path]


def test_disk_of_this_machine(tmp_path: Path) -> None:
    assert "free for studies in" in check_disk(tmp_path).message


def test_unwritable_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    check = check_disk(tmp_path)
    assert check.status is CheckStatus.FAIL
    assert "not writable" in check.message


NOW = 1_790_000_000.0  # September 2026


@pytest.mark.parametrize(
    ("after", "resolution_s", "status", "message"),
    [
        (ClockLook(NOW + 1.0, 51.0), 1e-9, CheckStatus.OK, "2026-09-21"),
        (ClockLook(NOW + 1.04, 51.0), 1e-9, CheckStatus.OK, "UTC"),
        (ClockLook(NOW + 3.0, 51.0), 1e-9, CheckStatus.WARN, "moved by +2.00 s"),
        (ClockLook(NOW - 1.0, 51.0), 1e-9, CheckStatus.WARN, "moved by -2.00 s"),
        (ClockLook(5.0, 51.0), 1e-9, CheckStatus.WARN, "1970-01-01: it was never set"),
        (ClockLook(NOW + 1.0, 51.0), 0.016, CheckStatus.FAIL, "too coarse"),
        (ClockLook(NOW, 50.0), 1e-9, CheckStatus.FAIL, "too coarse"),
    ],
)
def test_clock(after: ClockLook, resolution_s: float, status: CheckStatus, message: str) -> None:
    check = check_clock(ClockLook(NOW, 50.0), after, resolution_s)
    assert check.status is status
    assert message in check.message


@pytest.mark.parametrize(("quota", "status"), [(None, "ok"), (4.0, "ok"), (1.5, "warn")])
def test_processor(quota: float | None, status: str) -> None:
    check = check_cpu(CpuInfo("Made Up 9000", 4, 8, 16, quota, 64 * GIB), 32 * GIB)
    assert check.status == status
    assert "Made Up 9000, 4 physical and 8 logical" in check.message
    assert "32.0 GiB of 64.0 GiB" in check.message


def hidden(tmp_path: Path, **environment: str) -> list[Check]:
    return check_hidden_settings(
        system_files=[tmp_path / "system.ini"],
        user_files=[tmp_path / "user.ini"],
        environment=environment,
        prefixes=("LLAMA_ARG_",),
        names=frozenset({"AIP_MODE"}),
    )


def test_no_hidden_settings(tmp_path: Path) -> None:
    (check,) = hidden(tmp_path, PATH="/bin", LLAMA_ARGUMENT="x")
    assert check.status is CheckStatus.OK


def test_hidden_settings_are_named_without_their_values(tmp_path: Path) -> None:
    (tmp_path / "system.ini").touch()
    (tmp_path / "user.ini").touch()
    checks = hidden(tmp_path, LLAMA_ARG_CTX_SIZE="secret", AIP_MODE="secret")
    assert [c.status for c in checks] == ["fail", "warn", "warn"]
    assert "system.ini changes every launch" in checks[0].message
    assert "user.ini" in checks[1].message
    assert "AIP_MODE, LLAMA_ARG_CTX_SIZE set here" in checks[2].message
    assert "secret" not in str(checks)
    assert all(c.fix for c in checks)


@dataclass(frozen=True)
class Build:
    engine: str = "llama-server"
    path: str = "/opt/llama-server"
    version: str = "0.6.0"
    flags: frozenset[str] = frozenset({"a", "b"})


@dataclass(frozen=True)
class Model:
    name: str = "Tiny"
    architecture: str = "llama"
    quantization: str | None = "Q4_K_M"
    n_ctx_train: int = 4096
    weights_bytes: int = 10 * GIB


def test_engine() -> None:
    assert check_engine(Build).message == "llama-server 0.6.0 at /opt/llama-server, 2 flags"

    def missing() -> Build:
        raise MachineError("llama-server is not on PATH", "install it")

    check = check_engine(missing)
    assert (check.status, check.fix) == (CheckStatus.FAIL, "install it")


@pytest.mark.parametrize(
    ("free", "memory", "status", "message"),
    [
        (12 * GIB, 2 * GIB, CheckStatus.OK, "Tiny (llama, Q4_K_M), 10.0 GiB, trained on 4096"),
        (8 * GIB, 4 * GIB, CheckStatus.WARN, "more than the 8.0 GiB free on the GPU"),
        (8 * GIB, 1 * GIB, CheckStatus.FAIL, "more than the memory that is free"),
        (None, 12 * GIB, CheckStatus.OK, "Tiny"),
        (None, 9 * GIB, CheckStatus.FAIL, "more than the memory that is free"),
    ],
)
def test_model(free: int | None, memory: int, status: CheckStatus, message: str) -> None:
    check = check_model(Model, vram_free_bytes=free, memory_available_bytes=memory)
    assert check.status is status
    assert message in check.message


def test_unreadable_model() -> None:
    def broken() -> Model:
        raise UserError("m.gguf is cut short", "download it again")

    check = check_model(broken, vram_free_bytes=None, memory_available_bytes=GIB)
    assert (check.status, check.fix) == (CheckStatus.FAIL, "download it again")
