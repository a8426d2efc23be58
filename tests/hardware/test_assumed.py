"""GPUs that are not here."""

from __future__ import annotations

import pytest

from autotune.errors import MachineError, UserError
from autotune.hardware.assumed import assumed_gpu, assumed_probe
from autotune.hardware.gpu import Vendor
from autotune.hardware.probe import gpu_probe
from autotune.hardware.profile_file import shipped_files
from autotune.hardware.profiles import card_names, profile_of
from autotune.hardware.select import select_gpu

GIB = 2**30


def test_a_card_as_it_is_sold() -> None:
    gpu = assumed_gpu("3090")
    assert (gpu.name, gpu.vram_bytes, gpu.free_bytes) == (
        "NVIDIA GeForce RTX 3090", 24 * GIB, 24 * GIB
    )  # fmt: skip
    assert (gpu.compute_capability, gpu.power_limit_w) == ((8, 6), 350.0)
    assert profile_of(gpu).name == "rtx-3090"


@pytest.mark.parametrize("name", card_names())
def test_every_profile_can_be_planned_for_by_its_name(name: str) -> None:
    with gpu_probe(assumed=name) as probe:
        gpu = select_gpu(name, probe.gpus())
    assert gpu is not None
    profile = profile_of(gpu)
    assert (profile.name, profile.facts) == (name, shipped_files()[name].facts)


def test_the_size_of_a_mac() -> None:
    probe = assumed_probe("M4 Max 36GB")
    gpu = select_gpu("M4 Max 36GB", probe.gpus())
    assert gpu is not None
    assert (gpu.name, gpu.vram_bytes) == ("Apple M4 Max 36GB", 36 * GIB)
    assert (gpu.vendor, profile_of(gpu).name) == (Vendor.APPLE, "apple-m4-max")


def test_the_processor_needs_no_card() -> None:
    probe = assumed_probe(" CPU ")
    assert probe.gpus() == ()
    assert select_gpu("cpu", probe.gpus()) is None


@pytest.mark.parametrize(
    ("ask", "message", "hint"),
    [
        ("voodoo 2", "no profile of a GPU 'voodoo 2'", "rtx-3090"),
        ("auto", "no profile of a GPU 'auto'", "rtx-3090"),
        ("0", "no profile", "gb10"),
        ("a100", "could be any of 2 GPUs", "a100-40gb, a100-80gb"),
    ],
)
def test_what_cannot_be_planned_for(ask: str, message: str, hint: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        assumed_gpu(ask)
    assert hint in error.value.hint


def test_nothing_can_be_read_of_it() -> None:
    with pytest.raises(MachineError, match="is not here"):
        assumed_probe("3090").state("GPU-not-here")
