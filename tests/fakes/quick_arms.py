"""Requests and records of comparisons, and arms that answer at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate
from autotune.compare.measured import Measured
from autotune.compare.opening import Side
from autotune.compare.request import CompareArm, CompareRequest
from autotune.launchers.protocol import CacheArm
from autotune.paths.spec import AttachedPath, LaunchedPath
from autotune.records import TurnRecord
from autotune.replay.plan import History
from autotune.search.request import RunRequest
from autotune.trial.measurement import Measurement, RecordSink


def record_of(arm: str, block: int, turn: int, ttft_s: float, **more: Any) -> TurnRecord:
    """A good turn of one of three sessions, 1000 tokens deep and more."""
    fields: dict[str, Any] = {
        "order": turn,
        "session_id": f"s{turn % 3}",
        "turn": turn,
        "started_at": "2026-01-01T00:00:00+00:00",
        "asked_output_tokens": 10,
        "depth_tokens": 1000 * (turn + 1),
        "cached_tokens": 100,
        "output_tokens": 10,
        "ttft_s": ttft_s,
        "decode_tps": 20.0,
        "wall_s": ttft_s + 0.45,
    }
    return TurnRecord(arm=arm, block=block, **{**fields, **more})


def arm_of(
    name: str,
    cache: CacheArm | None = None,
    history: History | None = None,
    url: str | None = None,
    **path: Any,
) -> CompareArm:
    """A launched arm, or with `url` an endpoint."""
    if url is not None:
        return CompareArm(name=name, path=AttachedPath(name=name, url=url), history=history)
    fields: dict[str, Any] = {"engine": "reference", "model": Path("/m/model.gguf"), **path}
    made = LaunchedPath(name=name, **fields)
    return CompareArm(
        name=name, path=made, defaults=not made.settings, cache=cache, history=history
    )


def request_of(*arms: CompareArm, **fields: Any) -> CompareRequest:
    run = {k: fields.pop(k) for k in ("study", "seed", "workload", "studies_dir") if k in fields}
    return CompareRequest(
        arms=arms, run=RunRequest(**{"workload": Path("captures"), **run}), **fields
    )


@dataclass
class QuickArm:
    """Answers at once with `turns` turns; `ttft` gives seconds by block and turn.

    `fails` gives a reason by block, `before` may do or raise anything. `started` is whether it
    passes for an engine that was started.
    """

    name: str
    ttft: Callable[[int, int], float] = lambda block, turn: 1.0
    turns: int = 6
    seconds: float = 10.0
    fails: Mapping[int, str] = field(default_factory=dict)
    before: Callable[[int], None] = lambda block: None
    started: bool = False
    measured: list[int] = field(default_factory=list)

    def measure(self, block: int, sink: RecordSink) -> Measured:
        self.before(block)
        self.measured.append(block)
        rows = [record_of(self.name, block, t, self.ttft(block, t)) for t in range(self.turns)]
        for row in rows:
            sink(row)
        whole = Measurement(Candidate(), self.name, block, tuple(rows), None)
        return Measured(
            records=tuple(rows),
            seconds=self.seconds,
            failure=self.fails.get(block),
            measurement=whole if self.started else None,
        )

    @property
    def side(self) -> Side:
        return Side(arm=arm_of(self.name), measurer=self, turns=self.turns, facts={})
