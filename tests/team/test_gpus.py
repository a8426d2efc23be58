"""Which GPUs ``--gpu`` names, and which of them are alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autotune.errors import AutotuneError, MachineError, UserError
from autotune.hardware.gpu import Gpu
from autotune.team.gpus import grouped, resolve_gpus

GIB = 2**30
FIRST = Gpu(
    uuid="GPU-1a", name="NVIDIA GeForce RTX 3090", index=0, vram_bytes=24 * GIB, driver="580"
)
SECOND = replace(FIRST, uuid="GPU-2b", index=1)
OTHER = replace(FIRST, uuid="GPU-3c", index=2, name="NVIDIA GeForce RTX 4090")
GPUS = (FIRST, SECOND, OTHER)


def uuids(ask: str) -> list[list[str]]:
    return [[gpu.uuid for gpu in group.gpus] for group in resolve_gpus(ask, GPUS)]


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        ("all", [["GPU-1a", "GPU-2b"], ["GPU-3c"]]),
        (" ALL ", [["GPU-1a", "GPU-2b"], ["GPU-3c"]]),
        ("0,2", [["GPU-1a"], ["GPU-3c"]]),
        ("4090,GPU-2b", [["GPU-3c"], ["GPU-2b"]]),
        ("3090,3090", [["GPU-1a", "GPU-2b"]]),
        ("0,3090", [["GPU-1a", "GPU-2b"]]),
    ],
)
def test_a_list_in_groups_of_identical_cards(ask: str, found: list[list[str]]) -> None:
    assert uuids(ask) == found


@pytest.mark.parametrize(
    ("ask", "kind", "words"),
    [
        ("0,0", UserError, "names 0: NVIDIA GeForce RTX 3090, 24.0 GiB (GPU-1a) twice"),
        ("4090,4090", UserError, "twice"),
        ("0,,1", UserError, "empty place"),
        ("0,cpu", UserError, "cpu cannot stand in a list"),
        ("auto,1", UserError, "auto cannot stand in a list"),
        ("0,5090", MachineError, "no GPU matches '5090'"),
    ],
)
def test_what_cannot_be_meant_is_said(ask: str, kind: type[AutotuneError], words: str) -> None:
    with pytest.raises(kind) as caught:
        resolve_gpus(ask, GPUS)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_machine_without_a_card_has_none_to_name() -> None:
    with pytest.raises(MachineError, match="shows no GPU"):
        resolve_gpus("all", ())


def test_memory_and_driver_make_another_kind() -> None:
    smaller = replace(SECOND, vram_bytes=12 * GIB)
    newer = replace(SECOND, uuid="GPU-4d", driver="590")
    groups = grouped([FIRST, smaller, newer])
    assert [len(group.gpus) for group in groups] == [1, 1, 1]
    assert [group.slug for group in groups[:2]] == [
        "nvidia-geforce-rtx-3090-24g",
        "nvidia-geforce-rtx-3090-12g",
    ]


def test_a_card_without_memory_of_its_own_has_a_plain_slug() -> None:
    (group,) = grouped([Gpu(uuid="GPU-9", name="NVIDIA GB10", index=0)])
    assert group.slug == "nvidia-gb10"
