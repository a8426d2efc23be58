"""The GPU of an Apple Silicon machine, through ``sysctl``.

macOS tells neither the GPU's clocks nor which process holds how much of the memory that it shares
with the processor. How much of it the GPU may have is told only where a user has set it: 0 stands
for a rule of the system's own that is not published, so it is unknown here. (What Metal recommends
is what ``llama-server --list-devices`` prints as the device's total.)
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from contextlib import suppress

import psutil

from autotune.errors import MachineError
from autotune.hardware.gpu import Gpu, GpuState, Vendor

MIB = 2**20
SYSCTL_TIMEOUT_S = 5.0


def apple_probe(read: Callable[[str], str | None] | None = None) -> AppleProbe | None:
    """A probe on Apple Silicon, else ``None``. `read` gives a sysctl's value."""
    if read is None and (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        return None
    return AppleProbe(read or sysctl)


class AppleProbe:
    """Reads the one GPU of a Mac."""

    problem: str | None = None

    def __init__(
        self,
        read: Callable[[str], str | None],
        memory_available: Callable[[], int] | None = None,
    ) -> None:
        self._read = read
        self._available = memory_available or (lambda: psutil.virtual_memory().available)

    def gpus(self) -> tuple[Gpu, ...]:
        """The chip's GPU, under the chip's name: ``Apple M4 Max``."""
        name = self._read("machdep.cpu.brand_string")
        if name is None or not name.startswith("Apple"):
            return ()
        limit = self._limit()
        return (
            Gpu(
                uuid=name.lower().replace(" ", "-"),
                name=name,
                index=0,
                vram_bytes=limit,
                free_bytes=self._free(limit),
                driver=platform.mac_ver()[0] or None,
                vendor=Vendor.APPLE,
            ),
        )

    def state(self, uuid: str) -> GpuState:
        """The memory that it could take now. `MachineError` for a GPU that is not here."""
        if uuid not in {gpu.uuid for gpu in self.gpus()}:
            raise MachineError(
                f"no GPU {uuid} on this machine", "run autotune doctor to see what is"
            )
        return GpuState(free_bytes=self._free(self._limit()))

    def _limit(self) -> int | None:
        """Bytes that a user lets the GPU have; ``None`` where the system's own rule holds."""
        text = self._read("iogpu.wired_limit_mb") or ""
        return int(text) * MIB if text.isascii() and text.isdigit() and int(text) else None

    def _free(self, limit: int | None) -> int | None:
        """Unknown without a limit, like the limit: the host's memory is what counts then."""
        return None if limit is None else min(limit, self._available())


def sysctl(name: str) -> str | None:
    """The value of a sysctl, or ``None`` where there is none."""
    argv = ["/usr/sbin/sysctl", "-n", name]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            argv, capture_output=True, text=True, check=True, timeout=SYSCTL_TIMEOUT_S
        )
        return done.stdout.strip() or None
    return None
