"""What a path costs: the estimate before the first request, and the stop before the limit."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from autotune.errors import UserError
from autotune.paths.prices import Prices, usd
from autotune.records import TurnRecord
from autotune.replay.plan import PlannedTurn, ReplayPlan

TurnKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Estimate:
    """USD for some turns: when prefixes are found in the cache, and when nothing ever is."""

    cached_usd: float
    most_usd: float

    def text(self) -> str:
        """The estimate in words."""
        return f"about {usd(self.cached_usd)}, at most {usd(self.most_usd)} without any caching"


def estimate(plan: ReplayPlan, depths: Mapping[TurnKey, int], prices: Prices) -> Estimate:
    """What the turns of `plan` cost. Depths are recorded or estimated prompt tokens.

    With a cache a turn that continues its session reads the prompt before it and writes the rest.
    """
    cached = most = 0.0
    before: dict[str, int] = {}
    for planned in plan.turns:
        depth, turn = depths[key_of(planned)], planned.turn
        known = before.get(turn.session_id, 0) if turn.boundary is None else 0
        read = min(known, depth)
        new = (depth - read) * max(prices.fresh, prices.written) + read * prices.cached
        cached += (new + planned.output_tokens * prices.output) / 1_000_000
        most += prices.most_usd(depth, planned.output_tokens)
        before[turn.session_id] = depth
    return Estimate(cached, most)


def key_of(planned: PlannedTurn) -> TurnKey:
    """Session and turn."""
    return planned.turn.session_id, planned.turn.index


def check_limit(
    found: Estimate | None, limit_usd: float | None, spent_usd: float, *, hosted: bool, name: str
) -> None:
    """Refuse to begin without a limit where money is at stake, or above it. Raises `UserError`."""
    if found is None:
        if limit_usd is not None:
            raise UserError(
                f"--max-cost cannot be kept at {name}: its prices are not known",
                "give them in USD per million tokens: --price-in, --price-out, --price-cached",
            )
        return
    if limit_usd is None and hosted:
        raise UserError(
            f"{name} costs money: {found.text()}",
            f"say what it may cost, for example --max-cost {_round_up(found.most_usd):g}",
        )
    if limit_usd is not None and spent_usd + found.cached_usd > limit_usd:
        spent = f" beyond the {usd(spent_usd)} spent" if spent_usd else ""
        raise UserError(
            f"{name} would cost {found.text()}{spent}, above --max-cost {limit_usd:g}",
            "replay less (--max-sessions, --max-turns, --max-depth), or raise --max-cost",
        )


def _round_up(amount: float) -> float:
    """To whole cents, never below what it is."""
    return -(-amount * 100 // 1) / 100


@dataclass(slots=True)
class Spending:
    """Keeps count turn by turn; threads may share it. Without prices it only adds what is told."""

    plan: ReplayPlan
    depths: Mapping[TurnKey, int]
    prices: Prices | None
    limit_usd: float | None
    spent_usd: float = 0.0
    stopped: bool = False
    _open: dict[TurnKey, PlannedTurn] = field(init=False)
    _dearer: float = 1.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._open = {key_of(planned): planned for planned in self.plan.turns}

    def cost_usd(self, record: TurnRecord) -> float | None:
        """What a turn cost: as told, else by its counts, else the most it can have cost.

        Turns that were not sent, or were refused as a whole, cost nothing.
        """
        if record.cost_usd is not None:
            return record.cost_usd
        if self.prices is None or record.failure == "unreached":
            return None
        if record.depth_tokens is None or record.output_tokens is None:
            if record.wall_s is None:
                return None
            return self._most((record.session_id, record.turn))
        return self.prices.cost_usd(
            record.depth_tokens,
            record.output_tokens,
            record.cached_tokens,
            record.cache_write_tokens,
        )

    def add(self, record: TurnRecord) -> None:
        """A turn ended; its `cost_usd` is filled in."""
        with self._lock:
            key = (record.session_id, record.turn)
            cost, expected = record.cost_usd or 0.0, self._estimated(key)
            if expected:
                self._dearer = max(self._dearer, cost / expected)
            self.spent_usd += cost
            self._open.pop(key, None)

    def exhausted(self) -> bool:
        """Whether the next turn could pass the limit."""
        if self.limit_usd is None or self.prices is None:
            return False
        with self._lock:
            self.stopped = self.spent_usd + self._next_usd() > self.limit_usd
            return self.stopped

    def _next_usd(self) -> float:
        """The most that the next turns can cost: all that may be under way at once."""
        costs = [self._most(key) for key in self._open]
        if self.plan.concurrency == 1:
            return costs[0] if costs else 0.0
        return sum(sorted(costs)[-self.plan.concurrency :])

    def _most(self, key: TurnKey) -> float:
        """By the estimate, and by how much dearer than estimated any turn has been."""
        return self._estimated(key) * self._dearer

    def _estimated(self, key: TurnKey) -> float:
        planned = self._open.get(key)
        if planned is None or self.prices is None:
            return 0.0
        return self.prices.most_usd(self.depths[key], planned.output_tokens)
