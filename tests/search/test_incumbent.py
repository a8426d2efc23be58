"""The config in use now, read back and given a place in the space."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.search.incumbent import adopt, read_incumbent
from autotune.search.space import Parameter, Space, to_settings

SLOTS = Parameter("parallel", (1, 4), 4, "cache slots", ordered=True)
CONTEXT = Parameter(
    "ctx-size", (1024,), 1024, "context length", ordered=True, per_slot_of="parallel"
)
SPACE = Space("e", (SLOTS, CONTEXT))


def test_none_is_none() -> None:
    assert read_incumbent(None) is None


def test_an_export_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"settings": {"parallel": 2, "flash-attn": "on"}, "argv": []}))
    assert read_incumbent(path) == {"parallel": 2, "flash-attn": "on"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": {"a": [1]}}'])
def test_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"c\.json"):
        read_incumbent(path)


def test_values_outside_the_space_widen_it_and_come_back_as_they_were() -> None:
    settings = {"parallel": 2, "ctx-size": 4096, "mlock": True}
    space, values = adopt(SPACE, dict(settings))
    assert values == {"parallel": 2, "ctx-size": 2048}
    assert space.parameter("parallel").choices == (1, 2, 4)
    assert to_settings(space, values) == {"parallel": 2, "ctx-size": 4096}
