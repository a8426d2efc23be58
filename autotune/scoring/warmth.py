"""Cold, warm or partial: how much of what a prefix cache could hold a turn was given from it.

A first token after 200 tokens of new text and one after 60,000 tokens read anew are two different
things, and a median over both says neither. So every turn is one of four:

* **cold**: nothing was reused that mattered. The first turn of a session is, by nature;
* **warm**: all that the cache could hold was: what is left to compute is new, but for what blocks
  and templates round off;
* **partial**: something between. This is the kind to look into: part of the prefix was there;
* **unknown**: the engine does not say what it reused. That is not "nothing".

What the cache could hold is the prompt of the turn before it in its session. That turn's reply is
left out on purpose: with recorded history it is not the one that was generated, and many templates
drop its reasoning. Behind a context edit, and for the first turn of a session that is known here,
nobody can say from the counts alone; then what is left to compute decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from autotune.records import TurnRecord
from autotune.scoring.metrics import TotalWaitSeconds, TtftP50, TtftP95

COLD_SHARE = 0.1
"""Below a tenth of what could be reused, a turn is cold: it costs at least 90% of a cold one."""

HEAD_TOKENS = 64
"""Every prompt begins with the template's own words (a date, "you are a helpful assistant"), and
any request leaves those behind: up to this many reused tokens are no reuse, unless they are most
of what there is."""

SLACK_TOKENS = 320
"""What a warm turn may compute anew of what could be reused: engines keep whole blocks only, of 16
tokens (vLLM) to 256 (oMLX), and one block more where the last token must be computed anyhow; and
the last tokens of a prompt, which open the reply, are often written otherwise the next time (64
are plenty)."""

SLACK_SHARE = 0.02
"""The same for deep prompts: two hundredths of the depth cost little time, and rolling back to a
checkpoint may lose as much."""

SMALL_SHARE = 0.1
"""Where it is not known what could be reused: a computed rest below a tenth of the prompt is
small."""


class Warmth(StrEnum):
    """The kind of a turn, in the order in which tables show them."""

    COLD = "cold"
    PARTIAL = "partial"
    WARM = "warm"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KindScore:
    """The turns of one kind. Absent is ``None``.

    `total_wait_s` is the sum of what they took, `ttft_p50_s` and `ttft_p95_s` are quantiles.
    """

    kind: str
    turns: int
    ttft_p50_s: float | None
    ttft_p95_s: float | None
    total_wait_s: float | None


def warmth_of(
    depth_tokens: int | None, cached_tokens: int | None, reusable_tokens: int | None = None
) -> Warmth:
    """The kind of a turn of `depth_tokens` of which `cached_tokens` were reused.

    `reusable_tokens` is what the turn before it left, ``None`` where that is not known.
    """
    if depth_tokens is None or cached_tokens is None:
        return Warmth.UNKNOWN
    base = depth_tokens if not reusable_tokens else min(reusable_tokens, depth_tokens)
    if cached_tokens < max(COLD_SHARE * base, min(HEAD_TOKENS, base / 2)):
        return Warmth.COLD
    share = SLACK_SHARE if reusable_tokens else SMALL_SHARE
    missed = base - cached_tokens
    return Warmth.WARM if missed <= max(SLACK_TOKENS, share * base) else Warmth.PARTIAL


def classified(records: Iterable[TurnRecord]) -> Iterator[tuple[TurnRecord, Warmth]]:
    """Each record with its kind, as they come; turns of one session come in their order.

    Failed turns are unknown, and leave nothing that one could count on.
    """
    left: dict[tuple[str, int, str], tuple[int, int]] = {}
    for record in records:
        key = (record.arm, record.block, record.session_id)
        turn, depth = left.get(key, (-1, 0))
        known = depth if turn < record.turn and record.boundary is None else None
        if not record.ok:
            yield record, Warmth.UNKNOWN
            continue
        yield record, warmth_of(record.depth_tokens, record.cached_tokens, known or None)
        left[key] = (record.turn, record.depth_tokens or 0)


RecordKey = tuple[str, int, str, int]
"""Arm, block, session and turn."""


def key_of(record: TurnRecord) -> RecordKey:
    """What tells a record from others of a study."""
    return (record.arm, record.block, record.session_id, record.turn)


def kinds_of(records: Iterable[TurnRecord]) -> dict[RecordKey, Warmth]:
    """The kind of every record, in whatever order they come.

    It takes all turns of a session to know what each could reuse: classify first, then choose.
    """
    ordered = sorted(records, key=lambda r: (r.arm, r.block, r.session_id, r.turn))
    return {key_of(record): kind for record, kind in classified(ordered)}


def kind_table(
    records: Sequence[TurnRecord], kinds: dict[RecordKey, Warmth] | None = None
) -> tuple[KindScore, ...]:
    """A row for each kind that has good turns, cold to unknown.

    `kinds` are those of the whole measurement, where `records` are only a part of it.
    """
    found = kinds_of(records) if kinds is None else kinds
    good = [r for r in records if r.ok]
    rows = (_kind_score(kind, [r for r in good if found[key_of(r)] is kind]) for kind in Warmth)
    return tuple(row for row in rows if row.turns)


def _kind_score(kind: Warmth, records: Sequence[TurnRecord]) -> KindScore:
    return KindScore(
        kind=kind.value,
        turns=len(records),
        ttft_p50_s=TtftP50().value(records),
        ttft_p95_s=TtftP95().value(records),
        total_wait_s=TotalWaitSeconds().value(records),
    )
