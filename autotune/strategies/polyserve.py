"""A search in the stages of polyserve 0.1.0 (``calibrate/search.py: StagedSearch`` with a budget).

**Faithful.** The order of the stages: weights (every quantization at full offload); with a budget
the variations next (KV types, prefix cache, speculation), each flag's other values one at a time
laid over what leads; then memory (the most first, until one runs), the batch sweep (every
combination of slots and batch), prefill, the variations again, combinations: what leads with each
adopted change undone, then sums of changes that lost no more than 5% on their own, best estimated
first, at most 8; at the end the best 3 within 10% are measured once more, and the fresh runs alone
decide. Within 2% the config with the fewest extras leads. Nothing is measured twice before that. A
trial is begun when a typical one still fits the budget.

**Given to it.** The measurer's turns in place of its own single prompts at several loads; the
study's own objective; the flags of the space, each in the stage that its concept belongs to, and a
last variation for those that it does not know (threads, flash attention, ...); the refusals of
feasibility in place of its planner. Left out: its roofline predictor (it prunes quantizations and
orders the batch sweep, and needs its own list of cards), several engines, and power.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from autotune.candidate import Candidate
from autotune.search.space import Parameter, Space
from autotune.search.suggest import active_values
from autotune.strategies.seam import Asked, Pick, Settings, Setup, Values
from autotune.strategies.whole import Whole

TIE = 0.02
COMBINE_BAND, MOST_COMBINATIONS, KEPT_A_FLAG = 0.05, 8, 2
CONFIRM_BAND, CONFIRM_TOP = 0.10, 3
MOST_MEMORY_TRIALS = 3

QUANT = ("quantization", "model")
MEMORY = ("n-gpu-layers", "gpu-memory-utilization", "ctx-size", "max-model-len")
BATCH = ("parallel", "max-num-seqs", "batch-size")
PREFILL = ("ubatch-size", "max-num-batched-tokens", "long-prefill-token-threshold")
KV = ("cache-type", "kv-cache-dtype")


VARIATIONS = ("kv", "prefix", "spec", "other")


@dataclass(frozen=True, slots=True)
class Tried:
    """One configuration, what it was worth in seconds, and how many of its flags are extras."""

    values: Values
    value: float
    extras: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a variation changed in what then led; `gain` is the share of the time that it saved."""

    stage: str
    delta: Values
    gain: float


def polyserve(setup: Setup, asked: Asked) -> Iterator[Pick]:
    """Its stages on the study's own objective."""
    yield from _Staged(Whole(setup, asked)).run()


def stage_of(parameter: Parameter) -> str:
    """Which stage tunes `parameter`: by its name where that stage is about one flag, else by its
    concept."""
    name = parameter.name
    if name in QUANT:
        return "quant"
    if name in BATCH:
        return "batch"
    if name in PREFILL:
        return "prefill"
    if name in MEMORY:
        return "memory"
    if name.startswith(KV):
        return "kv"
    return {"cache slots": "prefix", "speculation": "spec"}.get(parameter.concept, "other")


@dataclass(slots=True)
class _Staged:
    bench: Whole
    _done: dict[str, Tried | None] = field(default_factory=dict)
    _seconds: list[float] = field(default_factory=list)
    _changes: list[Change] = field(default_factory=list)

    def run(self) -> Iterator[Pick]:
        yield self._now
        yield from self._all(self._weights())
        if not self._tried:
            return
        yield from self._variations(VARIATIONS)
        yield from self._memory()
        yield from self._all(self._batches())
        self._changes.clear()
        base = self._leader.values
        yield from self._variations(("prefill", *VARIATIONS))
        yield from self._all(self._combinations(base))
        yield from self._confirmed()

    @property
    def space(self) -> Space:
        return self.bench.setup.space

    @property
    def _tried(self) -> list[Tried]:
        return [tried for tried in self._done.values() if tried is not None]

    @property
    def _leader(self) -> Tried:
        return leader(self._tried)

    @property
    def _now(self) -> Pick:
        """What leads; the defaults before anything ran."""
        settings = self._settings(self._leader.values) if self._tried else self.bench.default
        return Pick(self.bench.setup.clock.now(), settings, self.bench.trials)

    def _settings(self, values: Values) -> Settings:
        return self.bench.candidate(values).settings

    def _named(self, stage: str) -> list[Parameter]:
        return [p for p in self.space.parameters if stage_of(p) == stage]

    # --- trials ---

    @property
    def _is_over(self) -> bool:
        """Whether a typical trial would end past the budget; the first always runs."""
        if not self._seconds:
            return False
        now_s = self.bench.setup.clock.now()
        return now_s + sum(self._seconds) / len(self._seconds) > self.bench.asked.budget_s

    def _run(self, values: Values) -> Tried | None:
        """Measured, or as it was measured before; ``None`` for what failed or does not fit."""
        candidate = self.bench.candidate(values)
        if candidate.key in self._done:
            return self._done[candidate.key]
        if self._is_over or self.bench.refuses(candidate):
            return None
        value = self._timed(candidate)
        tried = None if value is None else Tried(values, value, self._extras(values))
        self._done[candidate.key] = tried
        return tried

    def _timed(self, candidate: Candidate) -> float | None:
        began_s = self.bench.setup.clock.now()
        value = self.bench.measure(candidate)
        self._seconds.append(self.bench.setup.clock.now() - began_s)
        return value

    def _extras(self, values: Values) -> int:
        optional = (p for stage in ("prefill", *VARIATIONS) for p in self._named(stage))
        return sum(values.get(p.name, p.default) != p.default for p in optional)

    def _all(self, every: Iterable[Values]) -> Iterator[Pick]:
        for values in every:
            self._run(values)
            yield self._now

    # --- stages ---

    def _weights(self) -> Iterator[Values]:
        """Every quantization, everything else at its default."""
        for point in _product(self._named("quant")):
            yield active_values(self.space, dict(point))

    def _variations(self, stages: Iterable[str]) -> Iterator[Pick]:
        """Each flag of a stage at each other value, laid over what leads as the stage begins."""
        for stage in stages:
            before = self._leader
            for values in _others(self.space, before.values, self._named(stage)):
                after = self._run(values)
                if after is not None:
                    self._note(stage, before, after)
                yield self._now

    def _note(self, stage: str, before: Tried, after: Tried) -> None:
        delta = {n: v for n, v in after.values.items() if before.values.get(n) != v}
        self._changes.append(Change(stage, delta, (before.value - after.value) / before.value))

    def _memory(self) -> Iterator[Pick]:
        """The most memory first, until one runs."""
        over = self._leader.values
        points = _product(self._named("memory"), most_first=True)
        for point in itertools.islice(points, MOST_MEMORY_TRIALS):
            tried = self._run(active_values(self.space, {**over, **point}))
            yield self._now
            if tried is not None:
                return

    def _batches(self) -> Iterator[Values]:
        over = self._leader.values
        for point in _product(self._named("batch")):
            yield active_values(self.space, {**over, **point})

    def _combinations(self, base: Values) -> Iterator[Values]:
        """What leads with each change undone, then sums of promising changes, unmeasured ones."""
        undone = _undone(self.space, base, self._leader.values)
        summed = (active_values(self.space, {**base, **d}) for d in summed_changes(self._changes))
        seen: set[str] = set()
        for values in itertools.chain(undone, summed):
            candidate = self.bench.candidate(values)
            if len(seen) >= MOST_COMBINATIONS:
                return
            if candidate.key in {*seen, *self._done} or self.bench.refuses(candidate):
                continue
            seen.add(candidate.key)
            yield values

    def _confirmed(self) -> Iterator[Pick]:
        """The best few once more; the fresh runs alone decide."""
        best = min(tried.value for tried in self._tried)
        close = [t for t in ranked(self._tried) if t.value - best <= CONFIRM_BAND * best]
        fresh: list[Tried] = []
        for tried in close[:CONFIRM_TOP]:
            if self._is_over:
                break
            value = self._timed(self.bench.candidate(tried.values))
            if value is not None:
                fresh.append(Tried(tried.values, value, tried.extras))
        if fresh:
            settings = self._settings(leader(fresh).values)
            now_s = self.bench.setup.clock.now()
            yield Pick(now_s, settings, self.bench.trials, is_final=True)


def ranked(tried: Sequence[Tried]) -> list[Tried]:
    """Best first; among those within `TIE` of the best, the fewest extras first."""
    order = sorted(tried, key=lambda t: t.value)
    tied = [t for t in order if t.value - order[0].value <= TIE * order[0].value]
    return [*sorted(tied, key=lambda t: t.extras), *order[len(tied) :]]


def leader(tried: Sequence[Tried]) -> Tried:
    """The first of `ranked`."""
    return ranked(tried)[0]


def summed_changes(changes: Sequence[Change]) -> list[Values]:
    """Combinations of changes that lost no more than `COMBINE_BAND` on their own, the best sum of
    gains first: at most one of each stage, of its best two."""
    options: dict[str, list[Change]] = {}
    for change in sorted(changes, key=lambda c: -c.gain):
        kept = options.setdefault(change.stage, [])
        known = any(other.delta == change.delta for other in kept)
        if change.gain >= -COMBINE_BAND and change.delta and not known and len(kept) < KEPT_A_FLAG:
            kept.append(change)
    sums: list[tuple[float, Values]] = []
    for chosen in itertools.product(*([None, *kept] for kept in options.values())):
        members = [change for change in chosen if change is not None]
        delta = {name: value for change in members for name, value in change.delta.items()}
        if delta:
            sums.append((sum(change.gain for change in members), delta))
    return [delta for _, delta in sorted(sums, key=lambda pair: -pair[0])]


def _product(parameters: Sequence[Parameter], *, most_first: bool = False) -> Iterator[Values]:
    """Every combination of the choices of `parameters`; one empty one of none."""
    choices = [p.choices[::-1] if most_first and p.ordered else p.choices for p in parameters]
    for point in itertools.product(*choices):
        yield dict(zip((p.name for p in parameters), point, strict=True))


def _others(space: Space, values: Values, parameters: Sequence[Parameter]) -> Iterator[Values]:
    for parameter in parameters:
        for choice in parameter.choices if parameter.name in values else ():
            if choice != values[parameter.name]:
                yield active_values(space, {**values, parameter.name: choice})


def _undone(space: Space, base: Values, lead: Values) -> Iterator[Values]:
    for name, value in base.items():
        if lead.get(name, value) != value:
            yield active_values(space, {**lead, name: value})
