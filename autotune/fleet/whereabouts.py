"""Which of a fleet's GPUs are on this host, and how many of a kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autotune.errors import MachineError
from autotune.hardware.gpu import Gpu
from autotune.hardware.select import names_one, select_gpu
from autotune.nightly.targets import Target
from autotune.search.setup import CPU


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a target can be tuned: on any of `gpus`, which are alike, or on the processor.

    `missing` says why it cannot be tuned here; ``None`` where it can.
    """

    gpus: tuple[Gpu, ...] = ()
    on_cpu: bool = False
    missing: str | None = None

    @property
    def seats(self) -> tuple[str, ...]:
        """UUIDs, or ``cpu``."""
        return (CPU,) if self.on_cpu else tuple(gpu.uuid for gpu in self.gpus)


def whereabouts(ask: str, gpus: Sequence[Gpu]) -> Whereabouts:
    """Where a target of the GPU `ask` can be tuned on a host with `gpus`."""
    try:
        found = select_gpu(ask, gpus)
    except MachineError as error:
        return Whereabouts(missing=error.message)
    if found is None:
        return Whereabouts(on_cpu=True)
    if names_one(ask):
        return Whereabouts((found,))
    kind = (found.name, found.vram_bytes)
    return Whereabouts(tuple(gpu for gpu in gpus if (gpu.name, gpu.vram_bytes) == kind))


def targets_of_host(targets: Iterable[Target], gpus: Sequence[Gpu]) -> dict[str, Target]:
    """Those of `targets` whose GPU is on this host, by name."""
    return {t.name: t for t in targets if whereabouts(t.request.gpu, gpus).missing is None}
