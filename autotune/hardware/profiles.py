"""Which profile a card has: its own, else that of its class of memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from autotune.hardware.gpu import Gpu, Vendor
from autotune.hardware.names import matches, words
from autotune.hardware.profile_file import FactsEntry, ProfileFile, shipped_files

GIB = 2**30

CPU = "cpu"
GPU = "gpu"
UNIFIED = "gpu-unified"
APPLE = "gpu-apple"

MEMORY_TOLERANCE = 0.12
"""Cards show less memory than they are sold with: ECC and firmware take up to a tenth of it."""

_SIZE = re.compile(r"\b(\d{1,4})\s*gi?b\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a card. `facts` is ``None`` for a class, and for the processor.

    Attributes:
        name: its file's name without ``.toml``.
        chain: names of the profiles it is made of, the most particular first, itself included.
        fallback: why it is a class and not a card's own; ``None`` where it is its own.
    """

    name: str
    title: str
    facts: FactsEntry | None
    chain: tuple[str, ...]
    fallback: str | None = None


def profile_of(gpu: Gpu | None) -> Profile:
    """The profile of `gpu`; of the processor for ``None``. There always is one."""
    if gpu is None:
        return _profile(CPU)
    found = [name for name in _named_like(gpu.name) if _has_memory(name, gpu)]
    if found:
        return _profile(found[0])
    kind = _class_of(gpu)
    title = shipped_files()[kind].title
    return _profile(kind, f"no profile for {gpu.name}: taken as {title}")


def profiles_asked(ask: str) -> tuple[Profile, ...]:
    """Every card's profile that a user who says `ask` may mean: one, several, or none.

    A profile is meant when `ask` is its name, or names its card as `matches` has it. Of chips that
    share the host's memory the size may be said (``m4 max 64gb``); without, it is the largest sold.
    """
    named = shipped_files().get(ask)
    if named is not None and named.facts is not None:
        return (_profile(ask),)
    size = _SIZE.search(ask)
    found = _meant(ask)
    if found or size is None:
        return tuple(_profile(name) for name in found)
    chips = (_profile(name) for name in _meant(_SIZE.sub("", ask)))
    return tuple(_with_memory(chip, float(size[1])) for chip in chips if _is_unified(chip))


def card_names() -> tuple[str, ...]:
    """The names of every card with a profile of its own."""
    return tuple(name for name, _ in _cards())


def chain(name: str) -> tuple[str, ...]:
    """`name` and what it inherits from, the most particular first. Raises ``KeyError``."""
    names: list[str] = []
    at: str | None = name
    while at is not None and at not in names:
        names.append(at)
        at = shipped_files()[at].inherits
    return tuple(names)


def _profile(name: str, fallback: str | None = None) -> Profile:
    file = shipped_files()[name]
    return Profile(name, file.title, file.facts, chain(name), fallback)


def _cards() -> Iterator[tuple[str, ProfileFile]]:
    return ((name, file) for name, file in shipped_files().items() if file.facts is not None)


def _named_like(card: str) -> list[str]:
    """Profiles whose name is in `card`'s, the longest name first: an H100 PCIe is not an H100."""
    lengths: Mapping[str, int] = {
        name: max((len(words(n)) for n in file.names if matches(n, card)), default=0)
        for name, file in _cards()
    }
    return sorted((name for name in lengths if lengths[name]), key=lambda name: -lengths[name])


def _has_memory(name: str, gpu: Gpu) -> bool:
    """Cards of one name are sold with several sizes; one that shares memory shows none."""
    facts = shipped_files()[name].facts
    if facts is None or gpu.vram_bytes is None:
        return facts is not None and facts.unified_memory
    if facts.unified_memory:  # one chip is sold with many sizes of memory
        return True
    return abs(gpu.vram_bytes / GIB / facts.memory_gib - 1) <= MEMORY_TOLERANCE


def _class_of(gpu: Gpu) -> str:
    if gpu.vendor is Vendor.APPLE:
        return APPLE
    if gpu.vram_bytes is None:
        return UNIFIED
    size = gpu.vram_bytes / GIB
    classes = [(file.memory_from_gib, name) for name, file in shipped_files().items()]
    fitting = [(least, name) for least, name in classes if least is not None and least <= size]
    return max(fitting)[1]


def _meant(ask: str) -> list[str]:
    """Cards that `ask` names; of several, those of which it is most of the name."""
    shares = {
        name: max(
            (len(words(ask)) / len(words(n)) for n in file.names if matches(ask, n)), default=0
        )
        for name, file in _cards()
    }
    best = max(shares.values(), default=0)
    return [name for name, share in shares.items() if share == best > 0]


def _is_unified(profile: Profile) -> bool:
    return profile.facts is not None and profile.facts.unified_memory


def _with_memory(profile: Profile, gib: float) -> Profile:
    assert profile.facts is not None
    return replace(profile, facts=profile.facts.model_copy(update={"memory_gib": gib}))
