"""Which profile a card has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.hardware.gpu import Gpu
from autotune.hardware.profile_file import shipped_files
from autotune.hardware.profiles import chain, profile_of, profiles_asked

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
    assert profile.chain == (name, "gpu")


def test_the_processor_has_one() -> None:
    assert profile_of(None).chain == ("cpu",)
    assert profile_of(None).fallback is None


def test_a_card_of_its_own(card: Card) -> None:
    profile = profile_of(card("NVIDIA GeForce RTX 3090"))
    assert (profile.name, profile.fallback) == ("rtx-3090", None)
    assert profile.chain == ("rtx-3090", "gpu-24g", "gpu")
    assert profile.facts is not None
    assert profile.facts.memory_gib == 24


def test_what_a_user_calls_a_card() -> None:
    assert [p.name for p in profiles_asked("3090")] == ["rtx-3090"]
    assert [p.name for p in profiles_asked("rtx-3090")] == ["rtx-3090"]
    assert profiles_asked("cpu") == profiles_asked("gpu-24g") == profiles_asked("voodoo 2") == ()


def test_every_chain_ends() -> None:
    for name in shipped_files():
        assert chain(name)[-1] in {"cpu", "gpu"}
