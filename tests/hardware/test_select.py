from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import MachineError, UserError
from autotune.hardware.gpu import Gpu
from autotune.hardware.names import matches, words
from autotune.hardware.select import is_several, names_one, select_gpu

Card = Callable[..., Gpu]

NAMES = [
    "NVIDIA GeForce RTX 3090",
    "NVIDIA GeForce RTX 3090 Ti",
    "NVIDIA GeForce RTX 4090",
    "NVIDIA GeForce RTX 4090 Laptop GPU",
    "NVIDIA GeForce RTX 4090 D",
    "NVIDIA GeForce RTX 4070 Ti SUPER",
    "NVIDIA GeForce RTX 4070 SUPER",
    "NVIDIA GeForce RTX 2080 with Max-Q Design",
    "NVIDIA RTX A6000",
    "NVIDIA RTX 6000 Ada Generation",
    "NVIDIA RTX PRO 6000 Blackwell Workstation Edition",
    "NVIDIA A100-SXM4-80GB",
    "NVIDIA H100 80GB HBM3",
    "NVIDIA L40S",
    "NVIDIA L4",
    "NVIDIA GB10",
    "Tesla T4",
]


@pytest.mark.parametrize(
    ("ask", "names"),
    [
        ("3090", ["NVIDIA GeForce RTX 3090"]),
        ("RTX 3090", ["NVIDIA GeForce RTX 3090"]),
        ("rtx3090", ["NVIDIA GeForce RTX 3090"]),
        ("rtx-3090", ["NVIDIA GeForce RTX 3090"]),
        ("NVIDIA GeForce RTX 3090", ["NVIDIA GeForce RTX 3090"]),
        ("3090ti", ["NVIDIA GeForce RTX 3090 Ti"]),
        ("3090 Ti", ["NVIDIA GeForce RTX 3090 Ti"]),
        ("4090", ["NVIDIA GeForce RTX 4090"]),
        ("4090 laptop", ["NVIDIA GeForce RTX 4090 Laptop GPU"]),
        ("4090 mobile", ["NVIDIA GeForce RTX 4090 Laptop GPU"]),
        ("4090d", ["NVIDIA GeForce RTX 4090 D"]),
        ("4070 super", ["NVIDIA GeForce RTX 4070 SUPER"]),
        ("4070 ti super", ["NVIDIA GeForce RTX 4070 Ti SUPER"]),
        ("4070", []),
        ("4070 ti", []),
        ("2080", []),
        ("2080 max-q", ["NVIDIA GeForce RTX 2080 with Max-Q Design"]),
        ("a6000", ["NVIDIA RTX A6000"]),
        ("rtx 6000 ada", ["NVIDIA RTX 6000 Ada Generation"]),
        ("rtx pro 6000", ["NVIDIA RTX PRO 6000 Blackwell Workstation Edition"]),
        ("a100", ["NVIDIA A100-SXM4-80GB"]),
        ("a100 80gb", ["NVIDIA A100-SXM4-80GB"]),
        ("h100", ["NVIDIA H100 80GB HBM3"]),
        ("l4", ["NVIDIA L4"]),
        ("l40s", ["NVIDIA L40S"]),
        ("t4", ["Tesla T4"]),
        ("gb10", ["NVIDIA GB10"]),
        ("spark", ["NVIDIA GB10"]),
        ("DGX Spark", ["NVIDIA GB10"]),
        ("309", []),
        ("gpu", []),
        ("nvidia", []),
    ],
)
def test_what_a_name_means(ask: str, names: list[str]) -> None:
    assert [name for name in NAMES if matches(ask, name)] == names


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_a_full_name_means_that_card_alone(ask: str, name: str) -> None:
    assert matches(ask, name) == (ask == name)


@given(st.text(max_size=20))
def test_any_text_is_words(text: str) -> None:
    assert words(text) == words(text.upper()) or not text.isascii()


def test_auto_and_cpu(card: Card) -> None:
    one = card("NVIDIA GeForce RTX 3090")
    assert select_gpu("auto", []) is None
    assert select_gpu("auto", [one]) is one
    assert select_gpu("cpu", [one]) is None
    assert select_gpu(" CPU ", [one]) is None


def test_of_equal_cards_the_one_with_most_free_memory(card: Card) -> None:
    cards = [
        card("NVIDIA GeForce RTX 3090", index=0, free=4),
        card("NVIDIA GeForce RTX 3090", index=1, free=23),
        card("NVIDIA GeForce RTX 3090", index=2, free=23),
    ]
    for ask in ("auto", "3090"):
        chosen = select_gpu(ask, cards)
        assert chosen is not None
        assert chosen.index == 1


def test_equal_names_with_other_memory_are_not_equal(card: Card) -> None:
    cards = [
        card("NVIDIA GeForce RTX 3080", index=0, vram=10),
        card("NVIDIA GeForce RTX 3080", index=1, vram=12),
    ]
    with pytest.raises(MachineError, match=r"could be any of 2 GPUs: 0: .*10\.0 GiB.*12\.0 GiB"):
        select_gpu("3080", cards)


def test_index_and_uuid(card: Card) -> None:
    cards = [card("A card", index=0), card("Another card", index=1)]
    assert select_gpu("0", cards) is cards[0]
    assert select_gpu("1", cards) is cards[1]
    assert select_gpu("GPU-11-1", cards) is cards[1]
    assert select_gpu("gpu-11", cards) is cards[1]
    with pytest.raises(MachineError, match="no GPU matches '7'; here: 0: A card"):
        select_gpu("7", cards)
    with pytest.raises(MachineError, match="could be any of 2"):
        select_gpu("GPU-", cards)


def test_what_is_not_here_lists_what_is(card: Card) -> None:
    cards = [card("NVIDIA GeForce RTX 3090 Ti"), card("NVIDIA GB10", index=1, vram=None)]
    with pytest.raises(MachineError) as error:
        select_gpu("3090", cards)
    assert "0: NVIDIA GeForce RTX 3090 Ti, 24.0 GiB (GPU-00-0)" in error.value.message
    assert "1: NVIDIA GB10, shared memory" in error.value.message
    assert error.value.hint == "if you mean the NVIDIA GeForce RTX 3090 Ti, use --gpu 0"
    assert error.value.exit_code == 3


def test_no_card_at_all() -> None:
    with pytest.raises(MachineError, match="this machine shows none") as error:
        select_gpu("3090", [])
    assert "--gpu cpu" in error.value.hint


def test_two_kinds_of_card_are_not_guessed_between(card: Card) -> None:
    cards = [card("NVIDIA GeForce RTX 3090"), card("NVIDIA GeForce RTX 4090", index=1)]
    with pytest.raises(MachineError, match="'auto' could be any of 2"):
        select_gpu("auto", cards)


def test_empty() -> None:
    with pytest.raises(UserError, match="--gpu is empty"):
        select_gpu("  ", [])


@pytest.mark.parametrize(
    ("ask", "one"),
    [("0", True), ("12", True), ("GPU-1a", True), ("MIG-2", True), ("3090", False), ("a10", False)],
)
def test_an_index_or_a_uuid_is_one_card(ask: str, one: bool) -> None:
    assert names_one(ask) is one


@pytest.mark.parametrize(
    ("ask", "several"), [("all", True), (" All", True), ("0,1", True), ("auto", False)]
)
def test_all_and_a_list_are_several(ask: str, several: bool) -> None:
    assert is_several(ask) is several
