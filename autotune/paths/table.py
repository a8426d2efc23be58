"""The table of serving paths: a row a path, over the same turns, and its rows by depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autotune.paths.folder import PathsFolder
from autotune.records import TurnRecord
from autotune.scoring.buckets import ALL_TURNS, BucketScore, bucket_score
from autotune.scoring.quantile import median
from autotune.scoring.warmth import KindScore, RecordKey, Warmth, kind_table, kinds_of
from autotune.workload.depth import DepthBuckets, DepthRange

SCHEMA_VERSION = "serving-paths-table/1"
FEW_TURNS = 5
"""With fewer a median is a single turn's luck: the row only says where to look."""

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthRow:
    """One depth bucket of one path. `depth_p50_tokens` is by the path's own count.

    `kinds` has a row for each kind of turn (cold, partial, warm) that there is in it.
    """

    bucket: str
    turns: int
    depth_p50_tokens: float | None
    ttft_p50_s: float | None
    ttft_p95_s: float | None
    decode_p50_tps: float | None
    cached_share: float | None
    directional: bool
    total_wait_s: float | None = None
    kinds: tuple[KindScore, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRow:
    """One path. Its figures are those of `deepest`; absent is ``None``.

    Buckets are of the captures' own depth, so that a row stands for the same turns in every path.
    `marked` turns were answered, but their times do not compare: they count nowhere else. `kinds`
    are over all turns that compare, whatever their depth.
    """

    path: str
    kind: str
    serves: str
    version: str | None
    model: str
    api: str
    providers: tuple[str, ...]
    sessions: int
    planned: int
    answered: int
    failed: int
    marked: int
    deepest: DepthRow | None
    buckets: tuple[DepthRow, ...]
    cost_usd: float | None
    fixed_length: bool
    hosted: bool
    first_failure: str | None
    kinds: tuple[KindScore, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Every path of a folder. `turns` is what each was given."""

    folder: str
    workload: str
    history: str
    sessions: int
    turns: int
    rows: tuple[PathRow, ...]
    redacted: bool

    def to_json(self) -> dict[str, Any]:
        """Plain data with its schema version."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def read_table(
    folder: PathsFolder, depth: DepthRange | None = None, buckets: DepthBuckets | None = None
) -> Table:
    """The table in `folder`. With `depth` the figures are of that range alone.

    Raises `UserError` when there is none.
    """
    document = folder.read()
    depths = {(str(s), int(t)): int(d) for s, t, d, _ in document["turns"]}
    ranges = (depth,) if depth is not None else (buckets or DepthBuckets()).ranges
    records = folder.records()
    rows = tuple(
        _row(name, facts, [r for r in records if r.arm == name], depths, ranges)
        for name, facts in document["paths"].items()
    )
    return Table(
        folder=str(folder.path),
        workload=document["workload"],
        history=document["history"],
        sessions=len({session for session, _ in depths}),
        turns=len(depths),
        rows=rows,
        redacted=document["redacted"],
    )


def _row(
    name: str,
    facts: Mapping[str, Any],
    records: Sequence[TurnRecord],
    depths: Mapping[Key, int],
    ranges: Sequence[DepthRange],
) -> PathRow:
    latest = latest_block(records)
    good = [r for r in latest if r.ok]
    compared = [r for r in good if r.mark is None]
    failed = [r for r in latest if not r.ok]
    kinds = kinds_of(good)
    rows = depth_rows(compared, depths, ranges, kinds)
    costs = [r.cost_usd for r in records if r.cost_usd is not None]
    return PathRow(
        path=name,
        kind=facts["identity"]["kind"],
        serves=facts["serves"],
        version=facts.get("version"),
        model=facts["model"],
        api=facts["identity"].get("api", "openai"),
        providers=tuple(dict.fromkeys(r.provider for r in good if r.provider)),
        sessions=len({r.session_id for r in good}),
        planned=len(depths),
        answered=len(good),
        failed=len(failed),
        marked=len(good) - len(compared),
        deepest=_deepest(rows),
        buckets=rows,
        cost_usd=sum(costs) if costs else None,
        fixed_length=facts["fixed_length"],
        hosted=facts["hosted"],
        first_failure=_first_failure(failed),
        kinds=kind_table(compared, kinds),
    )


def latest_block(records: Iterable[TurnRecord]) -> list[TurnRecord]:
    """The last record of each turn, in the last repetition of the path."""
    found = list(records)
    last = max((r.block for r in found), default=0)
    return list({(r.session_id, r.turn): r for r in found if r.block == last}.values())


def depth_rows(
    records: Sequence[TurnRecord],
    depths: Mapping[Key, int],
    ranges: Sequence[DepthRange],
    kinds: dict[RecordKey, Warmth] | None = None,
) -> tuple[DepthRow, ...]:
    """A row for each range that has turns, shallow to deep.

    Turns behind a context edit are cold for a reason of the capture's own and are left out; where
    there are no others in any range, one row holds all turns.
    """
    regular = [r for r in records if r.boundary is None]
    kinds = kinds_of(records) if kinds is None else kinds
    rows = []
    for bucket in ranges:
        inside = [r for r in regular if depths.get((r.session_id, r.turn), -1) in bucket]
        if inside:
            rows.append(_depth_row(bucket_score(str(bucket), inside, kinds), inside))
    if not rows and records and len(ranges) > 1:
        rows.append(_depth_row(bucket_score(ALL_TURNS, records, kinds), records))
    return tuple(rows)


def _depth_row(score: BucketScore, records: Sequence[TurnRecord]) -> DepthRow:
    told = [r.depth_tokens for r in records if r.depth_tokens is not None]
    return DepthRow(
        bucket=score.bucket,
        turns=score.turns,
        depth_p50_tokens=median(told) if told else None,
        ttft_p50_s=score.ttft_p50_s,
        ttft_p95_s=score.ttft_p95_s,
        decode_p50_tps=score.decode_p50_tps,
        cached_share=score.cached_share,
        directional=score.turns < FEW_TURNS,
        total_wait_s=score.total_wait_s,
        kinds=score.kinds,
    )


def _deepest(rows: Sequence[DepthRow]) -> DepthRow | None:
    """The deepest with enough turns, else the deepest."""
    enough = [row for row in rows if not row.directional]
    return next(reversed(enough or list(rows)), None)


def _first_failure(failed: Sequence[TurnRecord]) -> str | None:
    if not failed:
        return None
    first = min(failed, key=lambda r: (r.failure == "unreached", r.order))
    return f"session {first.session_id} turn {first.turn}: {first.detail or first.failure}"
