"""What a setting does to the model's words: figures with intervals, and whether they are accepted.

The tail decides. A mean over many positions hides the few where a brace, a key or the name of a
tool goes wrong, and those break an agent's turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from autotune.scoring.quantile import quantile

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95

MIN_SESSIONS = 5
"""With fewer sessions whole replies are drawn instead: three sessions hardly vary when drawn."""

POSITIONS = 256
"""Asked at so many. Damage at one in a hundred is missed with a chance of 8% (0.99^256)."""

MIN_POSITIONS = 100
"""With fewer there is no hundredth part to look at."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One position: the next token after `at` tokens of a prompt, by both settings.

    `reply` names the recorded reply that it is in, `place` what stands there. `kl` in nats, see
    `autotune.scoring.divergence`.
    """

    session_id: str
    reply: str
    at: int
    place: str
    kl: float
    same_top: bool


class CallOutcome(StrEnum):
    """What became of a tool call that is sound by the reference settings."""

    KEPT = "kept"
    RENAMED = "renamed"
    KEYS_LOST = "keys-lost"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Threshold:
    """What is accepted. Defaults: see docs/quality.md for the figures they were taken from.

    `max_kl_p99` in nats: 0.1 is a token that was sure at 99% and is left with 87%.
    `min_top1` and `min_calls` are shares of positions and of sound calls.
    """

    max_kl_p99: float = 0.1
    min_top1: float = 0.92
    min_calls: float = 0.9


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """What was measured at `positions` positions. Divergences in nats, `top1` a share.

    `by_place` has the mean divergence at each kind of place; `calls` counts what became of the
    calls that the reference settings made soundly.
    """

    positions: int
    sessions: int
    kl_mean: Figure
    kl_p99: Figure
    top1: Figure
    by_place: Mapping[str, float] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)

    @property
    def calls_made(self) -> int:
        """How many sound calls there were to lose."""
        return sum(self.calls.values())

    @property
    def calls_kept(self) -> float | None:
        """The share of them that stayed sound and kept their name; ``None`` without any."""
        made = self.calls_made
        return self.calls.get(CallOutcome.KEPT.value, 0) / made if made else None

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the share of calls kept."""
        return {**asdict(self), "calls_kept": self.calls_kept}


class Standing(StrEnum):
    """How a candidate stands by a threshold."""

    PASSES = "passes"
    FAILS = "fails"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True)
class QualityVerdict:
    """Whether a candidate is accepted; `reasons` say by how much it is not, or what is unclear."""

    standing: Standing
    reasons: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Only what is known to be within the threshold is."""
        return self.standing is Standing.PASSES


def figures(
    rows: Sequence[Compared], calls: Sequence[CallOutcome] = (), *, seed: int = 0
) -> QualityFigures | None:
    """The figures of `rows`, with bootstrap intervals; ``None`` without a row."""
    if not rows:
        return None
    drawn = _draws(rows, seed)
    kl = [row.kl for row in rows]
    same = [float(row.same_top) for row in rows]
    top1 = _figure(same, _mean, drawn)
    if all(same):
        # No draw can show what was not seen: the exact bound for none out of n.
        top1 = Figure(1.0, (1 - CONFIDENCE) ** (1 / len(rows)), 1.0)
    return QualityFigures(
        positions=len(rows),
        sessions=len({row.session_id for row in rows}),
        kl_mean=_figure(kl, _mean, drawn),
        kl_p99=_figure(kl, _p99, drawn),
        top1=top1,
        by_place=_by_place(rows),
        calls={kind.value: n for kind in CallOutcome if (n := list(calls).count(kind))},
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


def _p99(values: np.ndarray) -> float:
    import numpy as np

    # Type 7, as `autotune.scoring.quantile`: over thousands of draws that one would take seconds.
    return float(np.quantile(values, 0.99))


def _by_place(rows: Sequence[Compared]) -> dict[str, float]:
    names = dict.fromkeys(row.place for row in rows)
    kl = {name: [row.kl for row in rows if row.place == name] for name in sorted(names)}
    return {name: sum(values) / len(values) for name, values in kl.items()}


def _figure(
    values: Sequence[float],
    statistic: Callable[[np.ndarray], float],
    drawn: Sequence[np.ndarray],
) -> Figure:
    """`statistic` of `values` with its percentile bootstrap interval over `drawn` rows."""
    import numpy as np

    known = np.array(values)
    found = [statistic(known[rows]) for rows in drawn]
    tail = (1 - CONFIDENCE) / 2
    return Figure(statistic(known), quantile(found, tail), quantile(found, 1 - tail))


def _draws(rows: Sequence[Compared], seed: int) -> list[np.ndarray]:
    """Rows of each draw: whole sessions with repeats, whole replies where sessions are few."""
    import numpy as np

    sessions = {row.session_id for row in rows}
    many = len(sessions) >= MIN_SESSIONS
    groups: dict[object, list[int]] = {}
    for at, row in enumerate(rows):
        key = row.session_id if many else (row.session_id, row.reply)
        groups.setdefault(key, []).append(at)
    blocks = [np.array(found) for found in groups.values()]
    generator = np.random.default_rng(seed)
    return [
        np.concatenate([blocks[at] for at in generator.integers(len(blocks), size=len(blocks))])
        for _ in range(RESAMPLES)
    ]


def judge(found: QualityFigures | None, threshold: Threshold) -> QualityVerdict:
    """Within the threshold, beyond it, or not to be told by what was measured.

    A figure is beyond when its whole interval is, within when its whole interval is. Calls are
    few, so for them the share itself is asked.
    """
    if found is None or found.positions < MIN_POSITIONS:
        count = 0 if found is None else found.positions
        return QualityVerdict(
            Standing.CANNOT_TELL, (f"only {count} positions, {MIN_POSITIONS} are needed",)
        )
    worse, unclear = [], []
    for beyond, within, text in _looks(found, threshold):
        if beyond:
            worse.append(text)
        elif not within:
            unclear.append(text)
    if worse:
        return QualityVerdict(Standing.FAILS, tuple(worse))
    if unclear:
        return QualityVerdict(Standing.CANNOT_TELL, tuple(unclear))
    return QualityVerdict(Standing.PASSES)


def _looks(found: QualityFigures, threshold: Threshold) -> list[tuple[bool, bool, str]]:
    """For each figure: whether it is beyond the threshold, whether within, and how to say so."""
    kl, top1, kept = found.kl_p99, found.top1, found.calls_kept
    span = f"p99 KL {kl.value:.2g} ({kl.low:.2g} to {kl.high:.2g})"
    share = f"top-1 {top1.value:.1%} ({top1.low:.1%} to {top1.high:.1%})"
    most, least = threshold.max_kl_p99, threshold.min_top1
    kl_word = "above" if kl.low > most else "against"
    top_word = "below" if top1.high < least else "against"
    looks = [
        (kl.low > most, kl.high <= most, f"{span} {kl_word} {most:g}"),
        (top1.high < least, top1.low >= least, f"{share} {top_word} {least:.0%}"),
    ]
    if kept is not None:
        lost = kept < threshold.min_calls
        text = f"{kept:.0%} of {found.calls_made} tool calls kept, below {threshold.min_calls:.0%}"
        looks.append((lost, not lost, text))
    return looks
