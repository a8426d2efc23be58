"""A GPU that is not here, by its profile: enough to plan for, nothing to measure on."""

from __future__ import annotations

from dataclasses import dataclass

from autotune.errors import MachineError, UserError
from autotune.hardware.gpu import Gpu, GpuState, Vendor
from autotune.hardware.profiles import GIB, Profile, card_names, profiles_asked

CPU = "cpu"
UUID = "GPU-not-here"


@dataclass(frozen=True, slots=True)
class AssumedProbe:
    """Shows the one card that is planned for, or none for the processor."""

    gpu: Gpu | None
    problem: str | None = None

    def gpus(self) -> tuple[Gpu, ...]:
        """The card."""
        return () if self.gpu is None else (self.gpu,)

    def state(self, uuid: str) -> GpuState:
        """Nothing can be read of a card that is not here: `MachineError`."""
        raise MachineError(f"GPU {uuid} is not here", "leave --assume-gpu out to use what is")


def assumed_probe(ask: str) -> AssumedProbe:
    """A probe that shows the card `ask` names by its profile. Raises like `assumed_gpu`."""
    return AssumedProbe(None if ask.strip().lower() == CPU else assumed_gpu(ask))


def assumed_gpu(ask: str) -> Gpu:
    """The card that `ask` means, as it is sold and with all of its memory free.

    Raises `UserError` when no profile answers to `ask`, or more than one.
    """
    found = profiles_asked(ask.strip().lower())
    if not found:
        raise UserError(
            f"there is no profile of a GPU {ask!r} to plan for",
            f"profiles: {', '.join(card_names())}",
        )
    if len(found) > 1:
        raise UserError(
            f"{ask!r} could be any of {len(found)} GPUs",
            f"say which: {', '.join(profile.name for profile in found)}",
        )
    return _gpu(found[0])


def _gpu(profile: Profile) -> Gpu:
    facts = profile.facts
    assert facts is not None  # only cards are found by name
    memory = int(facts.memory_gib * GIB)
    capability = facts.compute_capability
    apple = profile.title.startswith("Apple")
    return Gpu(
        uuid=UUID,
        name=f"{profile.title} {facts.memory_gib:g}GB" if apple else profile.title,
        index=0,
        vram_bytes=memory,
        free_bytes=memory,
        compute_capability=None if capability is None else _pair(capability),
        power_limit_w=facts.power_limit_w,
        vendor=Vendor.APPLE if apple else Vendor.NVIDIA,
    )


def _pair(capability: str) -> tuple[int, int]:
    major, minor = capability.split(".")
    return int(major), int(minor)
