"""NVIDIA cards through NVML (``nvidia-ml-py``, imported when first used).

A machine without the driver has no cards: that is an answer, not an error. What a card does not
tell (GB10 has no memory of its own to report, old drivers lack calls) is ``None``.
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
        self._seen_us: dict[str, int] = {}

    @property
    def problem(self) -> str | None:
        """Why the driver does not answer; ``None`` when it does or is not installed."""
        return self._problem

    def gpus(self) -> tuple[Gpu, ...]:
        """Every card, by index. Cards that fail to answer at all are left out."""
        count = self._ask(self._nvml.nvmlDeviceGetCount) or 0
        handles = [self._ask(self._nvml.nvmlDeviceGetHandleByIndex, i) for i in range(count)]
        found = [self._gpu(i, handle) for i, handle in enumerate(handles) if handle is not None]
        return tuple(gpu for gpu in found if gpu is not None)

    def state(self, uuid: str) -> GpuState:
        """What the card is doing now. `MachineError` for a card that is not here."""
        nvml, handle = self._nvml, self._handle(uuid)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        return GpuState(
            sm_clock_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
            memory_clock_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM),
            events=self._events(handle),
            used_bytes=int(memory.used) if memory else None,
            free_bytes=int(memory.free) if memory else None,
            power_w=_watts(self._ask(nvml.nvmlDeviceGetPowerUsage, handle)),
            temperature_c=self._ask(
                nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU
            ),
            processes=self._processes(uuid, handle),
        )

    def _gpu(self, index: int, handle: Any) -> Gpu | None:
        nvml = self._nvml
        uuid = _text(self._ask(nvml.nvmlDeviceGetUUID, handle))
        if uuid is None:
            return None
        self._handles[uuid] = handle
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        limit = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        default_limit = self._ask(nvml.nvmlDeviceGetPowerManagementDefaultLimit, handle)
        return Gpu(
            uuid=uuid,
            name=_text(self._ask(nvml.nvmlDeviceGetName, handle)) or "NVIDIA GPU",
            index=index,
            vram_bytes=int(memory.total) if memory else None,
            free_bytes=int(memory.free) if memory else None,
            driver=_text(self._ask(nvml.nvmlSystemGetDriverVersion)),
            compute_capability=self._ask(nvml.nvmlDeviceGetCudaComputeCapability, handle),
            power_limit_w=_watts(limit),
            default_power_limit_w=_watts(default_limit),
            max_sm_clock_mhz=self._ask(nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_SM),
        )

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


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000
