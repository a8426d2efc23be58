"""Every GPU of this machine, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from autotune.errors import MachineError
from autotune.hardware.amd import amd_probe
from autotune.hardware.apple import apple_probe
from autotune.hardware.assumed import assumed_probe
from autotune.hardware.gpu import Gpu, GpuProbe, GpuState
from autotune.hardware.nvml import nvml_probe


@contextmanager
def gpu_probe(assumed: str | None = None) -> Iterator[GpuProbe]:
    """A probe of all makers' GPUs for as long as the context lasts.

    With `assumed` it shows the card of that name instead, from its profile, whatever is here.
    Raises `UserError` where there is no such profile.
    """
    if assumed is not None:
        yield assumed_probe(assumed)
        return
    with ExitStack() as stack:
        found = [
            stack.enter_context(nvml_probe()),
            stack.enter_context(amd_probe()),
            apple_probe(),
        ]
        yield Probes([probe for probe in found if probe is not None])


class Probes:
    """Several probes as one."""

    def __init__(self, probes: Sequence[GpuProbe]) -> None:
        self._probes = tuple(probes)
        self._owners: dict[str, GpuProbe] = {}

    @property
    def problem(self) -> str | None:
        """What is wrong with any of them; ``None`` when nothing is."""
        problems = [probe.problem for probe in self._probes if probe.problem is not None]
        return "; ".join(problems) or None

    def gpus(self) -> tuple[Gpu, ...]:
        """All cards, NVIDIA's first."""
        found = [(gpu, probe) for probe in self._probes for gpu in probe.gpus()]
        self._owners = {gpu.uuid: probe for gpu, probe in found}
        return tuple(gpu for gpu, _ in found)

    def state(self, uuid: str) -> GpuState:
        """What the card is doing now. `MachineError` for a card that is not here."""
        if uuid not in self._owners:
            self.gpus()
        if uuid not in self._owners:
            raise MachineError(
                f"no GPU {uuid} on this machine", "run autotune doctor to see what is"
            )
        return self._owners[uuid].state(uuid)
