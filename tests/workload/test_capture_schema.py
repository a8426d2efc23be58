from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autotune.workload.capture_schema import CaptureLine, tools_ref
from autotune.workload.model import Boundary, Fidelity, PromptFidelity, Recorded

LEAST: dict[str, Any] = {"schema": "capture/1", "session_id": "s", "turn": 0}


def line(**more: Any) -> CaptureLine:
    return CaptureLine.model_validate(LEAST | more)


def test_the_least_that_is_a_line() -> None:
    made = line()
    assert (made.keep, made.append, made.tools, made.params) == (0, [], None, None)
    assert made.recorded.build() == Recorded()
    assert made.fidelity.build() == Fidelity()
    assert made.boundary_kind is None
    assert made.unknown == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": "capture/2"},
        {"session_id": ""},
        {"session_id": 7},
        {"turn": -1},
        {"turn": "0"},
        {"turn": True},
        {"keep": 1.5},
        {"append": [{"content": "no role"}]},
        {"append": ["text"]},
        {"response": {"content": "no role"}},
        {"output_length": -3},
        {"delay": -1.0},
        {"timestamp": float("inf")},
        {"timestamp": "12"},
        {"boundary": "earthquake"},
        {"recorded": {"prompt_tokens": "12"}},
        {"fidelity": {"prompt": "perfect"}},
    ],
)
def test_other_lines_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        line(**wrong)


def test_the_parts_become_dataclasses() -> None:
    made = line(
        recorded={"prompt_tokens": 5, "ttft_ms": 3},
        fidelity={"prompt": "padded", "missing": ["tools"], "pad_tokens": 9},
        boundary="fork",
    )
    assert made.recorded.build() == Recorded(prompt_tokens=5, ttft_ms=3.0)
    assert made.fidelity.build() == Fidelity(PromptFidelity.PADDED, ("tools",), 9)
    assert made.boundary_kind is Boundary.FORK


def test_unknown_keys_are_kept_in_their_places() -> None:
    made = line(shiny=1, recorded={"vendor": "x"}, fidelity={"why": None})
    assert made.unknown == {"shiny": 1, "recorded": {"vendor": "x"}, "fidelity": {"why": None}}


def test_tools_are_named_by_content_and_key_order() -> None:
    assert tools_ref([{"a": 1, "b": 2}]) == tools_ref(({"a": 1, "b": 2},))
    assert tools_ref([{"a": 1, "b": 2}]) != tools_ref([{"b": 2, "a": 1}])
    assert tools_ref([]).startswith("sha256:")
