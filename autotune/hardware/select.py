"""From what a user calls a card to the card."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autotune.errors import MachineError, UserError
from autotune.hardware.gpu import Gpu
from autotune.hardware.names import matches, resembles

_INDEX_DIGITS = 2
"""Up to this many digits are an index; more are a model number (710, 3090)."""


ALL = "all"

_UUIDS = ("gpu-", "mig-")


def is_several(ask: str) -> bool:
    """Whether ``--gpu`` is ``all``, or a list."""
    return ask.strip().lower() == ALL or "," in ask


def names_one(ask: str) -> bool:
    """Whether `ask` is an index or a UUID: one card, and not a kind of them."""
    wanted = ask.strip().lower()
    return _is_index(wanted) or wanted.startswith(_UUIDS)


def select_gpu(ask: str, gpus: Sequence[Gpu]) -> Gpu | None:
    """The card that `ask` names, or ``None`` for the CPU.

    `ask` is ``auto``, ``cpu``, an index (``0``), a UUID (``GPU-...``, or its beginning), or a name
    (``3090``, ``rtx 4090 laptop``, ``spark``). Names are compared word by word. Of several equal
    cards it is the one with the most free memory. ``auto`` is the only kind of card there is, or
    the CPU when there is none.

    Raises `UserError` when `ask` is empty, `MachineError` (with a list of what is here) when no
    card or more than one kind answers to it.
    """
    wanted = ask.strip().lower()
    if not wanted:
        raise UserError("--gpu is empty", "give auto, cpu, a name such as 3090, an index or a UUID")
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        return None
    found = [gpu for gpu in gpus if _test(wanted)(gpu)]
    if not found:
        raise _not_here(ask, gpus)
    if len({(gpu.name, gpu.vram_bytes) for gpu in found}) > 1:
        raise _ambiguous(ask, found)
    return max(found, key=lambda gpu: (gpu.free_bytes or 0, -gpu.index))


def _is_index(wanted: str) -> bool:
    return wanted.isascii() and wanted.isdigit() and len(wanted) <= _INDEX_DIGITS


def _test(wanted: str) -> Callable[[Gpu], bool]:
    """How `wanted` is looked for."""
    if wanted == "auto":
        return lambda _: True
    if _is_index(wanted):
        return lambda gpu: gpu.index == int(wanted)
    if wanted.startswith(_UUIDS):
        return lambda gpu: gpu.uuid.lower().startswith(wanted)
    return lambda gpu: matches(wanted, gpu.name)


def _not_here(ask: str, gpus: Sequence[Gpu]) -> MachineError:
    if not gpus:
        return MachineError(
            f"no GPU matches {ask!r}: this machine shows none",
            "check its driver (nvidia-smi, amd-smi), measure on the processor with --gpu cpu, or "
            "plan for it with --dry-run --assume-gpu",
        )
    close = [gpu for gpu in gpus if resembles(ask, gpu.name)]
    hint = "choose one by name, index or UUID, or use --gpu cpu"
    if close:
        hint = f"if you mean the {close[0].name}, use --gpu {_handle(close[0])}"
    return MachineError(f"no GPU matches {ask!r}; here: {_listing(gpus)}", hint)


def _ambiguous(ask: str, found: Sequence[Gpu]) -> MachineError:
    return MachineError(
        f"{ask!r} could be any of {len(found)} GPUs: {_listing(found)}",
        f"name one by its index or UUID, e.g. --gpu {_handle(found[0])}",
    )


def _handle(gpu: Gpu) -> str:
    """What means this GPU alone: parts of a card share its index."""
    return str(gpu.index) if gpu.board_uuid is None else gpu.uuid


def _listing(gpus: Sequence[Gpu]) -> str:
    return "; ".join(gpu.label for gpu in gpus)
