from __future__ import annotations

import pytest

from autotune.candidate import Setting
from autotune.search.room import session_room
from autotune.search.space import Parameter, Space

OWN = Space(
    "mine",
    (
        Parameter(
            "window", (4096, 8192), 8192, "context length",
            per_slot_of="seats", shared_when={"pool": (True,)},
        ),
        Parameter("seats", (1, 2), 1, "cache slots"),
        Parameter("pool", (True, False), False, "cache slots"),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        ({"ctx-size": 8192}, 8192),
        ({"ctx-size": 8192, "parallel": 4}, 2048),
        ({"ctx-size": 8192, "parallel": 4, "kv-unified": True}, 8192),
        ({"ctx-size": 8192, "parallel": -1}, None),
        ({"ctx-size": 0}, None),
        ({"max-model-len": 4096, "max-num-seqs": 8}, 4096),
        ({"max-model-len": "auto"}, None),
        ({}, None),
    ],
)
def test_by_the_flags_of_engines(settings: dict[str, Setting], tokens: int | None) -> None:
    assert session_room(Space("any", ()), settings) == tokens


def test_by_what_the_space_says() -> None:
    assert session_room(OWN, {"window": 8192, "seats": 2, "pool": False}) == 4096
    assert session_room(OWN, {"window": 8192, "seats": 2, "pool": True}) == 8192
    assert session_room(OWN, {"window": 8192}) == 8192
