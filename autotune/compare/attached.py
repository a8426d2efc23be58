"""An arm that somebody else serves: asked again for each block, with a mark of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autotune.compare.measured import Measured
from autotune.errors import AutotuneError, MachineError, UserError
from autotune.paths.attach import attach
from autotune.paths.measure import OTHER_PROVIDER, RETRIED
from autotune.paths.refusals import warm_up_error
from autotune.paths.served import Served
from autotune.paths.spec import AttachedPath
from autotune.paths.spending import Spending, TurnKey, check_limit, estimate
from autotune.records import TurnRecord
from autotune.replay.driver import replay, warm_up
from autotune.replay.nonce import make_nonce
from autotune.replay.plan import ReplayPlan
from autotune.trial.measurement import RecordSink

COST_STOP = "the next turn could pass --max-cost"


@dataclass(slots=True, kw_only=True)
class AttachedArm:
    """`seed` is of this comparison, so that no other finds its prompts in the server's cache.

    `tries` are how many turns of each block were sent before, by a run that was killed: the server
    may remember those, so they are sent with another mark. `spent_usd` is what all of them cost.
    """

    path: AttachedPath
    plan: ReplayPlan
    depths: Mapping[TurnKey, int]
    seed: int
    tries: Mapping[int, int]
    spent_usd: float = 0.0
    first_provider: str | None = None

    def measure(self, block: int, sink: RecordSink) -> Measured:
        """Find the server, send one short request, then every turn. Nothing of it raises."""
        began = time.monotonic()
        records: list[TurnRecord] = []

        def keep(record: TurnRecord) -> None:
            records.append(record)
            sink(record)

        try:
            failure = self._replayed(block, keep)
        except (UserError, MachineError) as error:
            failure = error.message
        return Measured(
            records=tuple(sorted(records, key=lambda record: record.order)),
            seconds=time.monotonic() - began,
            failure=failure or _first_failure(records),
        )

    def _replayed(self, block: int, keep: RecordSink) -> str | None:
        served = attach(self.path, self.plan, f"autotune-{self.seed:08x}")
        spending = self._spending(served)
        if (error := _not_ready(served, self.path)) is not None:
            raise error
        tried = self.tries.get(block, 0)
        mark = f"{self.path.name}/{tried}" if tried else self.path.name

        def take(record: TurnRecord) -> None:
            record = replace(
                record,
                arm=self.path.name,
                cost_usd=spending.cost_usd(record),
                mark=self._mark(record),
            )
            spending.add(record)
            keep(record)

        replay(
            self.plan,
            served.endpoint,
            arm=self.path.name,
            block=block,
            nonce=make_nonce(self.seed, mark, block),
            sink=take,
            should_stop=spending.exhausted,
        )
        self.spent_usd = spending.spent_usd
        return COST_STOP if spending.stopped else None

    def _spending(self, served: Served) -> Spending:
        """What the block may cost. Raises `UserError` when that is too much, or nobody said."""
        limit_usd = self.path.max_cost_usd
        found = estimate(self.plan, self.depths, served.prices) if served.prices else None
        hosted = bool(served.facts["hosted"])
        check_limit(found, limit_usd, self.spent_usd, hosted=hosted, name=self.path.name)
        return Spending(self.plan, self.depths, served.prices, limit_usd, self.spent_usd)

    def _mark(self, record: TurnRecord) -> str | None:
        """Why the times of this turn compare with no other's."""
        if record.retries:
            return RETRIED
        self.first_provider = self.first_provider or record.provider
        return OTHER_PROVIDER if record.provider not in (None, self.first_provider) else None


def _not_ready(served: Served, path: AttachedPath) -> AutotuneError | None:
    where = served.endpoint.base_url.partition("//")[2]
    return warm_up_error(warm_up(served.endpoint), where, path.key_name)


def _first_failure(records: Sequence[TurnRecord]) -> str | None:
    bad = next((record for record in records if not record.ok), None)
    if bad is None:
        return None
    return f"session {bad.session_id} turn {bad.turn}: {bad.detail or bad.failure}"
