"""Which of a fleet's GPUs are here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autotune.fleet.whereabouts import targets_of_host, whereabouts
from autotune.hardware.gpu import Gpu
from autotune.nightly.targets import Target
from autotune.search.request import RunRequest

FIRST = Gpu(uuid="GPU-1a", name="NVIDIA GeForce RTX 3090", index=0, vram_bytes=24 << 30)
SECOND = replace(FIRST, uuid="GPU-2b", index=1)
OTHER = replace(FIRST, uuid="GPU-3c", index=2, name="NVIDIA GeForce RTX 4090")
GPUS = (FIRST, SECOND, OTHER)


@pytest.mark.parametrize(
    ("ask", "seats"),
    [
        ("3090", ("GPU-1a", "GPU-2b")),
        ("4090", ("GPU-3c",)),
        ("1", ("GPU-2b",)),
        ("GPU-1", ("GPU-1a",)),
        ("cpu", ("cpu",)),
        ("5090", ()),
        ("auto", ()),
    ],
)
def test_a_kind_is_all_its_cards_and_a_uuid_is_one(ask: str, seats: tuple[str, ...]) -> None:
    found = whereabouts(ask, GPUS)
    assert found.seats == seats
    assert (found.missing is None) is bool(seats)


def test_why_it_is_not_here_is_said() -> None:
    assert "no GPU matches '5090'" in (whereabouts("5090", GPUS).missing or "")
    assert "could be any of" in (whereabouts("auto", GPUS).missing or "")


def test_the_targets_of_a_host() -> None:
    targets = [
        Target(name=gpu, request=RunRequest(workload=Path("w"), model=Path("m"), gpu=gpu))
        for gpu in ("3090", "5090", "cpu")
    ]
    assert list(targets_of_host(targets, GPUS)) == ["3090", "cpu"]
