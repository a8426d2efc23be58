"""Which profile a card has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.hardware.gpu import Gpu
from autotune.hardware.profile_file import shipped_files
from autotune.hardware.profiles import card_names, chain, profile_of, profiles_asked

Card = Callable[..., Gpu]


@pytest.mark.parametrize(
    ("vram", "name"),
    [
        (None, "gpu-unified"),
        *[(8, "gpu-8g"), (6, "gpu-8g"), (11, "gpu-12g"), (15.0, "gpu-16g"), (20, "gpu-16g")],
        *[(22.2, "gpu-24g"), (24, "gpu-24g"), (31.8, "gpu-32g"), (40, "gpu-32g")],
        *[(47.5, "gpu-48g"), (79.2, "gpu-80g"), (141, "gpu-80g"), (179, "gpu-160g")],
    ],
)
def test_a_card_without_a_profile_falls_back_on_its_memory(
    card: Card, vram: float | None, name: str
) -> None:
    profile = profile_of(card("A card", vram=vram))
    assert profile.name == name
    assert profile.facts is None
    assert profile.fallback == (f"no profile for A card: taken as {shipped_files()[name].title}")
    assert (profile.chain[0], profile.chain[-1]) == (name, "gpu")


def test_the_processor_has_one() -> None:
    assert profile_of(None).chain == ("cpu",)
    assert profile_of(None).fallback is None


def test_a_card_of_its_own(card: Card) -> None:
    profile = profile_of(card("NVIDIA GeForce RTX 3090"))
    assert (profile.name, profile.fallback) == ("rtx-3090", None)
    assert profile.chain == ("rtx-3090", "gpu-24g", "gpu")
    assert profile.facts is not None
    assert (profile.facts.memory_gib, profile.facts.memory_bandwidth_gb_s) == (24, 936)


@pytest.mark.parametrize(
    ("name", "vram", "profile"),
    [
        ("NVIDIA GeForce RTX 3060", 12, "rtx-3060"),
        ("NVIDIA GeForce RTX 3060", 8, "gpu-8g"),  # sold with 8 GB under the same name
        ("NVIDIA GeForce RTX 3060 Laptop GPU", 6, "gpu-8g"),
        ("NVIDIA GeForce RTX 3090 Ti", 24, "rtx-3090-ti"),
        ("NVIDIA GeForce RTX 4090", 23.99, "rtx-4090"),
        ("NVIDIA GeForce RTX 4090 D", 24, "gpu-24g"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 16, "gpu-16g"),
        ("NVIDIA GeForce RTX 5090", 31.84, "rtx-5090"),
        ("NVIDIA GeForce RTX 5090 Laptop GPU", 24, "gpu-24g"),
        ("NVIDIA A100-SXM4-40GB", 39.4, "a100-40gb"),
        ("NVIDIA A100-PCIE-40GB", 39.4, "a100-40gb"),
        ("NVIDIA A100-SXM4-80GB", 79.2, "a100-80gb"),
        ("NVIDIA A100 80GB PCIe", 79.2, "a100-80gb"),
        ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", 39.4, "gpu-32g"),
        ("NVIDIA H100 80GB HBM3", 79.6, "h100"),
        ("NVIDIA H100 PCIe", 79.6, "h100-pcie"),
        ("NVIDIA H100 NVL", 93.6, "h100-nvl"),
        ("NVIDIA GH200 480GB", 95, "gpu-80g"),
        ("NVIDIA H200", 140.4, "h200"),
        ("NVIDIA H200 NVL", 140.4, "h200-nvl"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 95.6, "rtx-pro-6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 95.6, "rtx-pro-6000-max-q"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 95.6, "rtx-pro-6000-server"),
        ("NVIDIA RTX 6000 Ada Generation", 48, "gpu-48g"),
        ("NVIDIA GB10", None, "gb10"),
        ("Apple M4 Max", None, "apple-m4-max"),
        ("Apple M4 Max", 36, "apple-m4-max"),  # one chip, many sizes
        ("Apple M4", None, "apple-m4"),
        ("Apple M9 Ultra", None, "gpu-unified"),
        ("AMD Radeon RX 7900 XTX", 24, "gpu-24g"),
    ],
)
def test_names_as_drivers_write_them(
    card: Card, name: str, vram: float | None, profile: str
) -> None:
    found = profile_of(card(name, vram=vram))
    assert found.name == profile
    assert (found.fallback is None) == (found.facts is not None)


@pytest.mark.parametrize(
    ("ask", "names"),
    [
        ("3090", ["rtx-3090"]),
        ("RTX 3090 Ti", ["rtx-3090-ti"]),
        ("rtx-pro-6000", ["rtx-pro-6000"]),
        ("rtx pro 6000", ["rtx-pro-6000"]),
        ("rtx pro 6000 max-q", ["rtx-pro-6000-max-q"]),
        ("a100", ["a100-40gb", "a100-80gb"]),
        ("a100 80gb", ["a100-80gb"]),
        ("h100", ["h100"]),
        ("h100 nvl", ["h100-nvl"]),
        ("spark", ["gb10"]),
        ("m4", ["apple-m4"]),
        ("m4 max", ["apple-m4-max"]),
        *[(nothing, []) for nothing in ("cpu", "auto", "gpu-24g", "voodoo 2", "0", "3090 48gb")],
    ],
)
def test_what_a_user_calls_a_card(ask: str, names: list[str]) -> None:
    assert [p.name for p in profiles_asked(ask)] == names


def test_the_size_of_a_shared_memory_can_be_said() -> None:
    (largest,) = profiles_asked("m4 max")
    (smaller,) = profiles_asked("M4 Max 36GB")
    assert largest.facts is not None
    assert smaller.facts is not None
    assert (largest.facts.memory_gib, smaller.facts.memory_gib) == (128, 36)


def test_every_card_answers_to_its_own_names() -> None:
    for name in card_names():
        for called in shipped_files()[name].names:
            assert name in {p.name for p in profiles_asked(called)}, called


def test_every_card_stands_on_the_class_of_its_memory(card: Card) -> None:
    """A card that is not recognized any more would be taken as the class it stands on."""
    for name in card_names():
        facts = shipped_files()[name].facts
        assert facts is not None
        if not facts.unified_memory:
            stranger = card("Another card", vram=facts.memory_gib * 0.98)
            assert profile_of(stranger).name in chain(name), name


def test_no_fp8_type_before_ada() -> None:
    for name in card_names():
        facts = shipped_files()[name].facts
        assert facts is not None
        if facts.compute_capability is not None:
            major, minor = facts.compute_capability.split(".")
            assert facts.fp8 == ((int(major), int(minor)) >= (8, 9)), name


def test_every_chain_ends() -> None:
    for name in shipped_files():
        assert chain(name)[-1] in {"cpu", "gpu"}
