"""AMD cards through ``amdsmi``, which comes with ROCm and is imported when it is there.

Nothing is installed for it: the package must match the driver, so ROCm's own is used. Values that
a card does not have are the text ``N/A``. Units differ between its releases and are not stated:
each is checked against what the number can be.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any

from autotune.errors import MachineError
from autotune.hardware.gpu import ClockEvent, Gpu, GpuProbe, GpuProcess, GpuState, Vendor

MIB = 2**20

MICROWATTS_FROM = 10_000
"""No card takes 10 kW: a power above it is in microwatts."""

MILLIDEGREES_FROM = 1_000

_POWER = ("current_socket_power", "socket_power", "average_socket_power")
"""Which of them is there depends on the card."""

_THERMAL = ("active_prochot_thrm", "active_socket_thrm", "active_vr_thrm", "active_hbm_thrm")


@contextmanager
def amd_probe(load: Callable[[], Any] | None = None) -> Iterator[GpuProbe | None]:
    """A probe for as long as the context lasts; ``None`` without ROCm's library."""
    smi = (load or _load)()
    if smi is None:
        yield None
        return
    try:
        smi.amdsmi_init()
    except smi.AmdSmiException as error:
        yield AmdProbe(smi, f"the AMD driver library does not start: {error}")
        return
    try:
        yield AmdProbe(smi)
    finally:
        smi.amdsmi_shut_down()


def _load() -> Any:
    """The module, or ``None``. Without ROCm's library it prints on stdout and then fails to load
    with a ``KeyError`` (7.0)."""
    try:
        with redirect_stdout(io.StringIO()):
            return importlib.import_module("amdsmi")
    except (ImportError, OSError, KeyError, AttributeError):
        return None


class AmdProbe:
    """Reads cards through an initialised amdsmi; see `amd_probe`."""

    def __init__(self, smi: Any, problem: str | None = None) -> None:
        self._smi = smi
        self._problem = problem
        self._handles: dict[str, Any] = {}

    @property
    def problem(self) -> str | None:
        """Why the driver does not answer; ``None`` when it does."""
        return self._problem

    def gpus(self) -> tuple[Gpu, ...]:
        """Every card, by amdsmi's order. Cards without a name for the runtime are left out."""
        handles = self._ask("amdsmi_get_processor_handles") or ()
        found = [self._gpu(index, handle) for index, handle in enumerate(handles)]
        return tuple(gpu for gpu in found if gpu is not None)

    def state(self, uuid: str) -> GpuState:
        """What the card is doing now. `MachineError` for a card that is not here."""
        handle = self._handle(uuid)
        used, total = self._memory(handle)
        power = self._table("amdsmi_get_power_info", handle)
        return GpuState(
            sm_clock_mhz=_whole(self._clock(handle, "GFX").get("clk")),
            memory_clock_mhz=_whole(self._clock(handle, "MEM").get("clk")),
            events=self._events(handle),
            used_bytes=used,
            free_bytes=None if used is None or total is None else max(total - used, 0),
            power_w=_first_watts(power, *_POWER),
            power_limit_w=_first_watts(power, "power_limit"),
            energy_j=self._energy(handle),
            temperature_c=self._temperature(handle),
            processes=self._processes(handle),
        )

    def _gpu(self, index: int, handle: Any) -> Gpu | None:
        uuid = _text(self._table("amdsmi_get_gpu_enumeration_info", handle).get("hip_uuid"))
        if uuid is None:
            return None
        self._handles[uuid] = handle
        used, total = self._memory(handle)
        cap = self._table("amdsmi_get_power_cap_info", handle)
        name = _text(self._table("amdsmi_get_gpu_asic_info", handle).get("market_name"))
        return Gpu(
            uuid=uuid,
            name=name or "AMD GPU",
            index=index,
            vram_bytes=total,
            free_bytes=None if used is None or total is None else max(total - used, 0),
            driver=_text(self._table("amdsmi_get_gpu_driver_info", handle).get("driver_version")),
            power_limit_w=_first_watts(cap, "power_cap"),
            default_power_limit_w=_first_watts(cap, "default_power_cap"),
            max_sm_clock_mhz=_whole(self._clock(handle, "GFX").get("max_clk")),
            vendor=Vendor.AMD,
        )

    def _handle(self, uuid: str) -> Any:
        if uuid not in self._handles:
            self.gpus()
        if uuid not in self._handles:
            raise MachineError(
                f"no GPU {uuid} on this machine", "run autotune doctor to see what is"
            )
        return self._handles[uuid]

    def _memory(self, handle: Any) -> tuple[int | None, int | None]:
        """Used and total bytes. The total is known in bytes from another call: what the usage
        counts in is what makes the two agree."""
        total = _whole(self._ask("amdsmi_get_gpu_memory_total", handle, self._kind("VRAM")))
        usage = self._table("amdsmi_get_gpu_vram_usage", handle)
        used, counted = _whole(usage.get("vram_used")), _whole(usage.get("vram_total"))
        if total is None and counted is not None:
            total = counted if counted > MIB else counted * MIB
        if used is None or not counted or not total:
            return None, total
        unit = MIB if abs(counted * MIB - total) < abs(counted - total) else 1
        return used * unit, total

    def _kind(self, name: str) -> Any:
        return getattr(self._smi.AmdSmiMemoryType, name)

    def _clock(self, handle: Any, domain: str) -> Mapping[str, Any]:
        kind = getattr(self._smi.AmdSmiClkType, domain)
        return self._table("amdsmi_get_clock_info", handle, kind)

    def _events(self, handle: Any) -> ClockEvent | None:
        """Throttling now; ``None`` on cards that do not tell (most consumer cards)."""
        seen = self._table("amdsmi_get_violation_status", handle)
        told = {name: seen.get(name) for name in (*_THERMAL, "active_ppt_pwr")}
        if not any(isinstance(value, int) for value in told.values()):
            return None
        events = ClockEvent(0)
        if any(told[name] == 1 for name in _THERMAL):  # True is 1, and "N/A" is not
            events |= ClockEvent.HW_THERMAL
        if told["active_ppt_pwr"] == 1:
            events |= ClockEvent.POWER_CAP
        return events

    def _energy(self, handle: Any) -> float | None:
        """The counter times its resolution, which is in microjoules."""
        seen = self._table("amdsmi_get_energy_count", handle)
        count, resolution = seen.get("energy_accumulator"), seen.get("counter_resolution")
        if not isinstance(count, int) or not isinstance(resolution, int | float):
            return None
        return count * resolution / 1e6

    def _temperature(self, handle: Any) -> int | None:
        smi = self._smi
        kinds = (smi.AmdSmiTemperatureType.EDGE, smi.AmdSmiTemperatureType.HOTSPOT)
        metric = smi.AmdSmiTemperatureMetric.CURRENT
        seen = (_whole(self._ask("amdsmi_get_temp_metric", handle, kind, metric)) for kind in kinds)
        found = next((value for value in seen if value is not None), None)
        return found // 1000 if found is not None and found >= MILLIDEGREES_FROM else found

    def _processes(self, handle: Any) -> tuple[GpuProcess, ...] | None:
        listed = self._ask("amdsmi_get_gpu_process_list", handle)
        if not isinstance(listed, list):
            return None
        return tuple(
            GpuProcess(p["pid"], _whole((p.get("memory_usage") or {}).get("vram_mem")))
            for p in listed
        )

    def _table(self, call: str, *args: Any) -> Mapping[str, Any]:
        answer = self._ask(call, *args)
        return answer if isinstance(answer, Mapping) else {}

    def _ask(self, call: str, *args: Any) -> Any:
        """The answer, or ``None`` where this card or release has none."""
        try:
            return getattr(self._smi, call)(*args)
        except (self._smi.AmdSmiException, AttributeError):
            return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in {"", "N/A"} else None


def _whole(value: Any) -> int | None:
    """A number that is one: not ``N/A``."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _first_watts(table: Mapping[str, Any], *names: str) -> float | None:
    """The first of `names` that has a number above 0, in watts."""
    values = (_whole(table.get(name)) for name in names)
    found = next((value for value in values if value), None)
    if found is None:
        return None
    return found / 1e6 if found >= MICROWATTS_FROM else float(found)
