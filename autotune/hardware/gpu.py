"""A graphics card, what it is doing, and the seam that both are read through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntFlag, StrEnum
from typing import Any, Protocol


class Vendor(StrEnum):
    """Who made a GPU: decides how it is read and how an engine is kept to it."""

    NVIDIA = "nvidia"
    AMD = "amd"
    APPLE = "apple"


class ClockEvent(IntFlag):
    """Why a card's clocks are not at their highest (NVML's clocks event reasons)."""

    IDLE = 0x1
    APPLICATION_CLOCKS = 0x2
    POWER_CAP = 0x4
    HW_SLOWDOWN = 0x8
    SYNC_BOOST = 0x10
    SW_THERMAL = 0x20
    HW_THERMAL = 0x40
    POWER_BRAKE = 0x80
    DISPLAY_CLOCK = 0x100


FORCED_SLOWDOWN = (
    ClockEvent.HW_SLOWDOWN | ClockEvent.SW_THERMAL | ClockEvent.HW_THERMAL | ClockEvent.POWER_BRAKE
)
"""Slowed down from outside: heat or the power supply. A power cap is the card's own setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One card as it was found. Whatever the driver does not tell is ``None``, never 0.

    Attributes:
        uuid: what the vendor's runtime calls it; Apple has no such name.
        index: the vendor's own, which ignores CUDA_VISIBLE_DEVICES: launch by `pin`.
        vram_bytes, free_bytes: ``None`` where GPU and CPU share memory (GB10, Apple).
        board_uuid: of the card that a MIG device is a part of; ``None`` for whole cards.
        compute_capability: e.g. ``(8, 6)``.
        power_limit_w, default_power_limit_w: enforced now, and as the card comes.
        max_sm_clock_mhz: the highest clock of its cores.
    """

    uuid: str
    name: str
    index: int
    vram_bytes: int | None = None
    free_bytes: int | None = None
    driver: str | None = None
    compute_capability: tuple[int, int] | None = None
    power_limit_w: float | None = None
    default_power_limit_w: float | None = None
    max_sm_clock_mhz: int | None = None
    vendor: Vendor = Vendor.NVIDIA
    board_uuid: str | None = None

    @property
    def pin(self) -> Mapping[str, str]:
        """Environment variables under which an engine sees this GPU and no other.

        ROCm applies ``ROCR_VISIBLE_DEVICES`` first (it knows UUIDs) and the other two, which count
        from 0, to what is left. Apple has one GPU and no variable.
        """
        if self.vendor is Vendor.APPLE:
            return {}
        if self.vendor is Vendor.AMD:
            first = {"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "0"}
            return {"ROCR_VISIBLE_DEVICES": self.uuid, **first}
        return {"CUDA_VISIBLE_DEVICES": self.uuid}

    @property
    def label(self) -> str:
        """One line for a person, e.g. ``0: NVIDIA GeForce RTX 3090, 24.0 GiB (GPU-...)``."""
        memory = (
            "shared memory" if self.vram_bytes is None else f"{self.vram_bytes / 2**30:.1f} GiB"
        )
        return f"{self.index}: {self.name}, {memory} ({self.uuid})"

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A compute process on a card. `sm_share` is its part of the card's time, 0 to 1."""

    pid: int
    used_bytes: int | None = None
    sm_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """One look at a card. `processes` is ``None`` where the driver does not list them.

    Of a MIG device, memory and processes are its own, and everything else is its board's.
    `energy_j` counts from when the driver was loaded: only differences mean something. `power_w`
    is NVML's, an average over a second on Ampere (but the A100) and later.
    """

    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    events: ClockEvent | None = None
    used_bytes: int | None = None
    free_bytes: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    energy_j: float | None = None
    temperature_c: int | None = None
    processes: tuple[GpuProcess, ...] | None = None


class GpuProbe(Protocol):
    """Reads the cards of this machine: one maker's, or all of them (`autotune.hardware.probe`)."""

    @property
    def problem(self) -> str | None:
        """Why cards that may be there cannot be seen; ``None`` when nothing is wrong."""
        ...

    def gpus(self) -> tuple[Gpu, ...]:
        """Every card, by index; empty without a card or without a driver."""
        ...

    def state(self, uuid: str) -> GpuState:
        """What the card is doing now. `MachineError` for a card that is not here."""
        ...
