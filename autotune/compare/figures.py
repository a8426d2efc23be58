"""What each arm measured, in its own numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from autotune.compare.verdicts import comparable
from autotune.records import TurnRecord
from autotune.scoring.buckets import ALL_TURNS, bucket_score
from autotune.scoring.metrics import TotalWaitSeconds
from autotune.search.judge import TurnKey


def figures(records: Sequence[TurnRecord], blocks: int) -> dict[str, Any]:
    """TTFT, decode rate and cached share over all turns; the wait is of once through all of them.

    Turns behind a context edit count in the wait and the cached share alone.
    """
    found = comparable(records)
    plain = [record for record in found if record.boundary is None] or found
    wait_s = TotalWaitSeconds().value(found)
    return {
        **asdict(bucket_score(ALL_TURNS, plain)),
        "cached_share": bucket_score(ALL_TURNS, found).cached_share,
        "total_wait_s": None if wait_s is None or not blocks else wait_s / blocks,
    }


def by_depth(
    records: Sequence[TurnRecord], buckets: Mapping[str, Collection[TurnKey]]
) -> list[dict[str, Any]]:
    """The same, without the wait, in each range of depths."""
    found = comparable(records)
    rows = []
    for label, keys in buckets.items():
        inside = [r for r in found if (r.session_id, r.turn) in keys]
        rows.append(asdict(bucket_score(label, inside)))
    return rows
