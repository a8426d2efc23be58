"""Where the hand-written captures lie, and how tests make sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.model import Recorded, Session, Turn

FIXTURES = Path(__file__).parent / "fixtures"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "captures"


@pytest.fixture
def fixtures() -> Path:
    """The folder of hand-written captures."""
    return FIXTURES


@pytest.fixture
def real_fizeau() -> Path:
    """Real Fizeau logs; the test is skipped where they are not."""
    folder = SHARED / "fizeau"
    if not folder.is_dir():
        pytest.skip("the real captures are not here")
    return folder


@pytest.fixture
def make_session() -> Callable[..., Session]:
    """``make_session("a", [100, 200])``: a session whose turns recorded those depths."""

    def make(name: str, depths: list[int | None], **turn: Any) -> Session:
        return Session(name, tuple(_turns(name, depths, turn)))

    return make


def _turns(name: str, depths: list[int | None], extra: dict[str, Any]) -> Iterator[Turn]:
    messages: tuple[dict[str, str], ...] = ({"role": "user", "content": f"Task of {name}"},)
    for index, depth in enumerate(depths):
        yield Turn(
            session_id=name,
            index=index,
            messages=messages,
            keep=max(0, 2 * index - 1),
            recorded=Recorded(prompt_tokens=depth),
            **{"timestamp_ms": 1000.0 * index, "output_tokens": 10, **extra},
        )
        reply = {"role": "assistant", "content": f"reply {index}"}
        messages = (*messages, reply, {"role": "user", "content": f"more {index}"})
