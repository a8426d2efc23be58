"""NVIDIA cards through NVML (``nvidia-ml-py``, imported when first used).

A machine without the driver has no cards: that is an answer, not an error. What a card does not
tell (GB10 has no memory of its own to report, old drivers lack calls) is ``None``. A card that is
divided (MIG) cannot be used as a whole: its parts are listed instead of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from autotune.errors import MachineError
from autotune.hardware.gpu import ClockEvent, Gpu, GpuProbe, GpuProcess, GpuState


@contextmanager
def nvml_probe() -> Iterator[GpuProbe]:
    """A probe for as long as the context lasts; NVML is shut down at its end."""
    import pynvml

    problem = _start(pynvml)
    try:
        yield NvmlProbe(pynvml, problem)
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _start(nvml: Any) -> str | None:
    """Initialise; what is wrong, or ``None`` (no driver library at all is nothing wrong)."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError_LibraryNotFound:
        return None
    except nvml.NVMLError as error:
        return f"the NVIDIA driver library does not start: {error}"
    return None


class NvmlProbe:
    """Reads cards through an initialised NVML; see `nvml_probe`."""

    def __init__(self, nvml: Any, problem: str | None = None) -> None:
        self._nvml = nvml
        self._problem = problem
        self._handles: dict[str, Any] = {}
        self._boards: dict[str, Any] = {}
        self._seen_us: dict[str, int] = {}

    @property
    def problem(self) -> str | None:
        """Why the driver does not answer; ``None`` when it does or is not installed."""
        return self._problem

    def gpus(self) -> tuple[Gpu, ...]:
        """Every card or MIG device, by index. What fails to answer at all is left out."""
        count = self._ask(self._nvml.nvmlDeviceGetCount) or 0
        boards = [self._ask(self._nvml.nvmlDeviceGetHandleByIndex, i) for i in range(count)]
        found = [
            self._gpu(index, board, part)
            for index, board in enumerate(boards)
            if board is not None
            for part in self._parts(board)
        ]
        return tuple(gpu for gpu in found if gpu is not None)

    def state(self, uuid: str) -> GpuState:
        """What the card is doing now. `MachineError` for a card that is not here."""
        nvml, handle = self._nvml, self._handle(uuid)
        board = self._boards[uuid]
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        return GpuState(
            sm_clock_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, board, nvml.NVML_CLOCK_SM),
            memory_clock_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, board, nvml.NVML_CLOCK_MEM),
            events=self._events(board),
            used_bytes=int(memory.used) if memory else None,
            free_bytes=int(memory.free) if memory else None,
            power_w=_thousandth(self._ask(nvml.nvmlDeviceGetPowerUsage, board)),
            power_limit_w=_thousandth(self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, board)),
            energy_j=_thousandth(self._ask(nvml.nvmlDeviceGetTotalEnergyConsumption, board)),
            temperature_c=self._ask(
                nvml.nvmlDeviceGetTemperature, board, nvml.NVML_TEMPERATURE_GPU
            ),
            processes=self._processes(uuid, handle),
        )

    def _parts(self, board: Any) -> list[Any]:
        """The MIG devices of a card that is divided; else the card."""
        mode = self._ask(self._nvml.nvmlDeviceGetMigMode, board)
        if not mode or mode[0] != self._nvml.NVML_DEVICE_MIG_ENABLE:
            return [board]
        most = self._ask(self._nvml.nvmlDeviceGetMaxMigDeviceCount, board) or 0
        parts = (
            self._ask(self._nvml.nvmlDeviceGetMigDeviceHandleByIndex, board, i) for i in range(most)
        )
        return [part for part in parts if part is not None]

    def _gpu(self, index: int, board: Any, handle: Any) -> Gpu | None:
        nvml = self._nvml
        uuid = _text(self._ask(nvml.nvmlDeviceGetUUID, handle))
        if uuid is None:
            return None
        self._handles[uuid], self._boards[uuid] = handle, board
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        limit = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, board)
        default_limit = self._ask(nvml.nvmlDeviceGetPowerManagementDefaultLimit, board)
        return Gpu(
            uuid=uuid,
            name=self._name(board, handle),
            index=index,
            vram_bytes=int(memory.total) if memory else None,
            free_bytes=int(memory.free) if memory else None,
            driver=_text(self._ask(nvml.nvmlSystemGetDriverVersion)),
            compute_capability=self._ask(nvml.nvmlDeviceGetCudaComputeCapability, board),
            power_limit_w=_thousandth(limit),
            default_power_limit_w=_thousandth(default_limit),
            max_sm_clock_mhz=self._ask(nvml.nvmlDeviceGetMaxClockInfo, board, nvml.NVML_CLOCK_SM),
            board_uuid=None if handle is board else _text(self._ask(nvml.nvmlDeviceGetUUID, board)),
        )

    def _name(self, board: Any, handle: Any) -> str:
        """A part of a card says so in its name, whatever the driver's age."""
        name = _text(self._ask(self._nvml.nvmlDeviceGetName, handle))
        name = name or _text(self._ask(self._nvml.nvmlDeviceGetName, board)) or "NVIDIA GPU"
        return name if handle is board or "MIG" in name.split() else f"{name} MIG"

    def _handle(self, uuid: str) -> Any:
        if uuid not in self._handles:
            self.gpus()
        if uuid not in self._handles:
            raise MachineError(
                f"no GPU {uuid} on this machine", "run autotune doctor to see what is"
            )
        return self._handles[uuid]

    def _events(self, handle: Any) -> ClockEvent | None:
        """Clock events; the call had another name before driver 535 and loses it in CUDA 14."""
        bits = self._ask(self._nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)
        if bits is None:
            bits = self._ask(self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        return None if bits is None else ClockEvent(bits)

    def _processes(self, uuid: str, handle: Any) -> tuple[GpuProcess, ...] | None:
        listed = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        if listed is None:  # before driver 510
            listed = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses_v2, handle)
        if listed is None:
            return None
        shares = self._shares(uuid, handle)
        return tuple(GpuProcess(p.pid, p.usedGpuMemory, shares.get(p.pid)) for p in listed)

    def _shares(self, uuid: str, handle: Any) -> dict[int, float]:
        """Each process's highest share of the cores since the last look."""
        since = self._seen_us.get(uuid, 0)
        samples: Sequence[Any] = (
            self._ask(self._nvml.nvmlDeviceGetProcessUtilization, handle, since) or ()
        )
        shares: dict[int, float] = {}
        for sample in samples:
            if sample.timeStamp > since:
                shares[sample.pid] = max(shares.get(sample.pid, 0.0), sample.smUtil / 100)
        self._seen_us[uuid] = max((s.timeStamp for s in samples), default=since)
        return shares

    def _ask(self, call: Callable[..., Any], *args: Any) -> Any:
        """The answer, or ``None`` where this card or driver has none."""
        try:
            return call(*args)
        except (self._nvml.NVMLError, self._nvml.NVMLLibraryMismatchError):
            return None


def _text(value: Any) -> str | None:
    """Names are bytes in old versions of the binding."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else None


def _thousandth(value: int | None) -> float | None:
    """Milliwatts as watts, millijoules as joules."""
    return None if value is None else value / 1000
