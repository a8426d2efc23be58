"""Machines as far as a roofline goes: what they multiply, read, hold and copy in a second."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autotune.hardware.profile_file import shipped_files

GIB = 2**30
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine. Peaks are the vendor's; what an engine makes of them is its `Pace`.

    Attributes:
        profile: the GPU profile whose overlay of the search space applies.
        gpu: whether a GPU computes.
        memory_bytes: what the GPU has; of a processor, the host's.
        bandwidth_bytes_s, flops_s: of the GPU's memory and cores (of the processor's without one).
        driver_bytes: of the GPU's memory, what driver, context and kernels take before a model.
        host_bytes, host_bandwidth_bytes_s, host_flops_s: of the machine that the GPU is in.
        link_bytes_s: between the two.
        disk_bytes_s: weights are read from there.
        cores, threads: of the processor: physical and logical.
        unified: GPU and host share one memory.
        cards: GPUs that work on one model together.
    """

    profile: str
    title: str
    gpu: bool
    memory_bytes: int
    bandwidth_bytes_s: float
    flops_s: float
    driver_bytes: int = 450 * _MIB
    host_bytes: int = 64 * GIB
    host_bandwidth_bytes_s: float = 60e9
    host_flops_s: float = 1.0e12
    link_bytes_s: float = 22e9
    disk_bytes_s: float = 3.0e9
    cores: int = 8
    threads: int = 16
    unified: bool = False
    cards: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What a GPU's profile does not say of its machine; fields as in `Machine`.

    `flops_s` and `memory_gib` where the profile says none, or not what an engine may have.
    """

    flops_s: float | None = None
    memory_gib: float | None = None
    host_gib: float = 64.0
    link_bytes_s: float = 22e9
    cores: int = 8
    threads: int = 16


def card(profile: str, rest: Rest | None = None) -> Machine:
    """The machine with the GPU of a shipped profile, its peaks as that profile states them.

    Raises ``KeyError`` for a name that no profile has, and ``ValueError`` where neither it nor
    `rest` says how fast the card is.
    """
    file, rest = shipped_files()[profile], rest or Rest()
    facts = file.facts
    if facts is None or facts.memory_bandwidth_gb_s is None:
        raise ValueError(f"profile {profile} says no bandwidth")
    flops_s = rest.flops_s or (facts.fp16_tflops or 0.0) * 1e12
    if not flops_s:
        raise ValueError(f"nobody says how fast {profile} multiplies")
    return Machine(
        profile=profile,
        title=file.title,
        gpu=True,
        memory_bytes=int((rest.memory_gib or facts.memory_gib) * GIB),
        bandwidth_bytes_s=facts.memory_bandwidth_gb_s * 1e9,
        flops_s=flops_s,
        host_bytes=int(rest.host_gib * GIB),
        link_bytes_s=rest.link_bytes_s,
        cores=rest.cores,
        threads=rest.threads,
        unified=facts.unified_memory,
    )


def together(one: Machine, cards: int) -> Machine:
    """`cards` of the same card, each with its share of every layer (tensor parallelism)."""
    return replace(
        one,
        title=f"{cards}x {one.title}",
        memory_bytes=one.memory_bytes * cards,
        bandwidth_bytes_s=one.bandwidth_bytes_s * cards,
        flops_s=one.flops_s * cards,
        driver_bytes=one.driver_bytes * cards,
        cards=cards,
    )
