"""Bytes behind token names of byte-level and sentence-piece vocabularies."""

from __future__ import annotations

import pytest

from autotune.trial.byte_tokens import piece_bytes


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ġdef", b" def"),
        ("Ċ", b"\n"),
        ('{"', b'{"'),
        ("Ã¤", "ä".encode()),
        ("▁hello▁you", b" hello you"),
        ("<0x0A>", b"\n"),
        ("<|im_start|>", b"<|im_start|>"),
        ("漢", "漢".encode()),
    ],
)
def test_a_name_is_turned_into_its_bytes(name: str, expected: bytes) -> None:
    assert piece_bytes(name) == expected
