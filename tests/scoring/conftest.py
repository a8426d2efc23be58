"""Turn records by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autotune.records import TurnRecord

Record = Callable[..., TurnRecord]


def make_record(turn: int = 0, session: str = "a", **fields: Any) -> TurnRecord:
    """A good turn of 1 s to the first token and 10 tokens at 10 tokens/s, 1000 deep."""
    defaults: dict[str, Any] = {
        "arm": "x",
        "block": 0,
        "order": turn,
        "session_id": session,
        "turn": turn,
        "started_at": "2026-01-01T00:00:00+00:00",
        "asked_output_tokens": 10,
        "depth_tokens": 1000,
        "output_tokens": 10,
        "ttft_s": 1.0,
        "decode_tps": 10.0,
        "wall_s": 2.0,
    }
    return TurnRecord(**{**defaults, **fields})


@pytest.fixture
def record() -> Record:
    return make_record
