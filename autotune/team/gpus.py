"""Several GPUs of one host: which ones are meant, and which of them are alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autotune.errors import MachineError, UserError
from autotune.hardware.gpu import Gpu
from autotune.hardware.select import ALL, names_one, select_gpu
from autotune.search.setup import CPU, slug

GIB = 2**30


@dataclass(frozen=True, slots=True)
class GpuGroup:
    """GPUs of one kind: what is measured on one of them holds for the others. Never empty."""

    gpus: tuple[Gpu, ...]

    @property
    def name(self) -> str:
        """The name of the kind, as the driver has it."""
        return self.gpus[0].name

    @property
    def slug(self) -> str:
        """The kind as a part of a study's name; of a name that is sold with several sizes of
        memory the size tells which one it is."""
        vram = self.gpus[0].vram_bytes
        return slug(self.name if vram is None else f"{self.name}-{round(vram / GIB)}g")


def resolve_gpus(ask: str, gpus: Sequence[Gpu]) -> tuple[GpuGroup, ...]:
    """The GPUs that `ask` names, in groups of identical ones, in the order in which they are named.

    `ask` is ``all``, or a list of what `select_gpu` knows (``0,1``, ``GPU-1a,GPU-2b``,
    ``3090,4090``). A name that fits several identical cards takes the next of them each time it is
    said. Raises `UserError` for a list that cannot be meant, `MachineError` for GPUs that are not
    here.
    """
    if ask.strip().lower() == ALL:
        if not gpus:
            raise MachineError(
                "--gpu all: this machine shows no GPU",
                "check its driver (nvidia-smi, amd-smi), or measure on the processor: --gpu cpu",
            )
        return grouped(gpus)
    return grouped(_listed(ask, gpus))


def grouped(gpus: Iterable[Gpu]) -> tuple[GpuGroup, ...]:
    """`gpus` by kind: name, size of memory and driver."""
    kinds: dict[tuple[object, ...], list[Gpu]] = {}
    for gpu in gpus:
        kinds.setdefault((gpu.name, gpu.vram_bytes, gpu.driver), []).append(gpu)
    return tuple(GpuGroup(tuple(found)) for found in kinds.values())


def _listed(ask: str, gpus: Sequence[Gpu]) -> list[Gpu]:
    chosen: list[Gpu] = []
    for word in (part.strip() for part in ask.split(",")):
        if not word:
            raise UserError(f"--gpu {ask!r} has an empty place", "write it like --gpu 0,1")
        if word.lower() in (CPU, "auto", ALL):
            raise UserError(
                f"--gpu {ask!r}: {word} cannot stand in a list",
                "name GPUs by index, UUID or name, as in --gpu 0,1; or give --gpu all",
            )
        chosen.append(_next(word, gpus, chosen))
    return chosen


def _next(word: str, gpus: Sequence[Gpu], chosen: Sequence[Gpu]) -> Gpu:
    """The card that `word` names, of those that nobody named yet."""
    taken = {gpu.uuid for gpu in chosen}
    meant = select_gpu(word, gpus)
    left = [gpu for gpu in gpus if gpu.uuid not in taken]
    if meant is not None and meant.uuid in taken:
        alike = [g for g in left if (g.name, g.vram_bytes) == (meant.name, meant.vram_bytes)]
        if not alike or names_one(word):
            raise UserError(
                f"--gpu names {meant.label} twice", "one worker has a GPU to itself: name it once"
            )
        meant = select_gpu(word, left)
    assert meant is not None  # only "cpu" and "auto" give no card
    return meant
