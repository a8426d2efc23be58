"""Expected against actual prefix reuse, asked of the engine that was just measured.

After the replay every prompt that was sent is tokenized by the engine itself. What each turn could
have reused is then compared with what the engine says it reused, and the difference is explained
(`autotune.scoring.reuse_causes`). It costs the time of tokenizing, nothing that is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.launchers.habits import Keeping, Narrating
from autotune.launchers.protocol import CacheArm, Launcher, Server
from autotune.records import TurnRecord
from autotune.replay.endpoint import Endpoint
from autotune.replay.sent import SentTurn
from autotune.scoring.reuse_expected import expected_reuse, noted
from autotune.scoring.reuse_model import CacheShape, EngineNote, Explained
from autotune.scoring.reuse_summary import explain, summarize
from autotune.scoring.reuse_time import reuse_in_time
from autotune.trial.afterwards import Aftermath
from autotune.trial.reuse_prompts import Asked

NAME = "reuse"

Wanted = Callable[[str, int], bool]
"""Whether a measurement, by its arm and block, is to be explained."""

Sink = Callable[[Mapping[str, Any]], None]


def always(arm: str, block: int) -> bool:
    """Explain every measurement."""
    return True


def nowhere(row: Mapping[str, Any]) -> None:
    """Keep no rows."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A measurement explained: a row a turn in the order they were sent, and the summary."""

    turns: tuple[Explained, ...]
    summary: Mapping[str, Any]


def trace(
    sent: Sequence[SentTurn],
    records: Sequence[TurnRecord],
    launcher: Launcher,
    server: Server,
    endpoint: Endpoint,
    *,
    cold_records: Sequence[TurnRecord] = (),
) -> Traced | None:
    """Explain what was `sent` to a `server` that still runs; ``None`` where nothing was.

    `records` are of the same turns; of a comparison with a cold arm, `cold_records` are that arm's.
    """
    order = in_order(sent, records)
    if not order:
        return None
    turns, told = [turn for turn, _ in order], [record for _, record in order]
    asked = Asked(launcher, server, endpoint)
    prompts = list(asked.prompts(turns, told))
    shape = shape_of(launcher, server)
    notes = noted(told, notes_of(launcher, server))
    rows = explain(expected_reuse(prompts, shape, notes), told, shape)
    summary = summarize(rows, told, reuse_in_time(told, cold_records))
    summary["engine_notes"] = sum(note is not None for note in notes)
    return Traced(tuple(rows), {**summary, "tokenizing": asked.spent.to_json()})


def in_order(
    sent: Sequence[SentTurn], records: Sequence[TurnRecord]
) -> list[tuple[SentTurn, TurnRecord]]:
    """Good turns with their records, by the time they were sent."""
    by_order = {record.order: record for record in records if record.ok}
    pairs = [(s, by_order[s.planned.order]) for s in sent if s.planned.order in by_order]
    return sorted(pairs, key=lambda pair: (pair[1].started_at, pair[1].order))


def shape_of(launcher: Launcher, server: Server) -> CacheShape:
    """How the engine keeps prefixes, as far as its launcher knows."""
    if not isinstance(launcher, Keeping):
        return CacheShape()
    shape = launcher.cache_shape(server, server.spec.asked)
    return replace(shape, enabled=False) if server.context.cache_arm is CacheArm.OFF else shape


def notes_of(launcher: Launcher, server: Server) -> tuple[EngineNote, ...]:
    """What the engine's log says of the requests so far."""
    return launcher.reuse_notes(server.log_text()) if isinstance(launcher, Narrating) else ()


@dataclass(frozen=True, slots=True)
class ReuseTrace:
    """The question, asked of what is `wanted`; `sink` gets a row a turn, then the summary."""

    sink: Sink = nowhere
    wanted: Wanted = always
    name: str = field(default=NAME)

    def after(self, aftermath: Aftermath) -> Mapping[str, Any] | None:
        """The summary of `aftermath`; ``None`` in a cold arm, where nothing is to be reused."""
        if aftermath.cache_arm is CacheArm.OFF or not self.wanted(aftermath.arm, aftermath.block):
            return None
        traced = trace(
            aftermath.sent,
            aftermath.records,
            aftermath.launcher,
            aftermath.server,
            aftermath.endpoint,
        )
        if traced is None:
            return None
        named = {"arm": aftermath.arm, "block": aftermath.block}
        for row in traced.turns:
            self.sink({**named, **row.to_json()})
        self.sink({**named, "summary": dict(traced.summary)})
        return traced.summary
