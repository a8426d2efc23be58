"""Made-up engines with many flags: most do little, a few much, some act on each other.

Every seed is another engine: which flags matter is drawn anew, so that a way of searching that is
good on one of them by luck is not good on fifty.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.scoring.objective import Objective
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.judge import Judge
from autotune.search.space import Parameter, Space, Start
from autotune.search.suggest import active_values
from autotune.trial.measurement import Enough, Measurement, RecordSink, TrialSeconds, never
from autotune.workload.model import Turn

CONCEPTS = ("batch size", "cache slots", "threads", "offload", "flash attention", "quantization")
SIZES = (64, 128, 256, 512, 1024, 2048)

Values = Mapping[str, Setting]


def plan_of(sessions: int, turns: int, first: int = 0) -> ReplayPlan:
    """`sessions` sessions one after the other; `first` is the number of the first one."""
    planned = tuple(
        PlannedTurn(
            (s - first) * turns + t,
            Turn(f"s{s}", t, ({"role": "user", "content": "x"},)),
            40 + 17 * ((s + t) % 5),
        )
        for s in range(first, first + sessions)
        for t in range(turns)
    )
    return ReplayPlan(planned, History.CLOSED_LOOP, 1, f"digest-{first}")


@dataclass(frozen=True)
class Landscape:
    """A space and what it does. `effects` are by (parameter, value), in log time; `pairs` too."""

    space: Space
    effects: Mapping[tuple[str, str], float]
    pairs: Mapping[tuple[tuple[str, str], tuple[str, str]], float]
    fatal: frozenset[tuple[tuple[str, str], tuple[str, str]]] = frozenset()
    load_s: float = 20.0

    def log_time(self, values: Values) -> float:
        """Of a config against the default, without noise."""
        words = [(name, str(value)) for name, value in sorted(values.items())]
        total = sum(self.effects.get(word, 0.0) for word in words)
        return total + sum(self.pairs.get(pair, 0.0) for pair in combinations(words, 2))

    def fails(self, values: Values) -> bool:
        words = [(name, str(value)) for name, value in sorted(values.items())]
        return any(pair in self.fatal for pair in combinations(words, 2))

    def optimum(self) -> float:
        """The least log time, by climbing from many places."""
        rng = random.Random(0)
        anywhere = (
            {p.name: rng.choice(p.choices) for p in self.space.parameters} for _ in range(12)
        )
        return min(self._climb(values) for values in (dict(self.space.defaults), *anywhere))

    def _climb(self, values: dict[str, Setting]) -> float:
        best = self.log_time(active_values(self.space, values))
        while True:
            found = best
            for p in self.space.parameters:
                for choice in p.choices:
                    one = active_values(self.space, {**values, p.name: choice})
                    if not self.fails(one) and self.log_time(one) < found - 1e-12:
                        found, values = self.log_time(one), {**values, p.name: choice}
            if found >= best:
                return best
            best = found


def landscape(seed: int, parameters: int = 16) -> Landscape:
    """Another engine for every seed."""
    rng = random.Random(f"landscape-{seed}")
    rows = [_parameter(rng, at) for at in range(parameters - 2)] + _drafts(rng)
    effects: dict[tuple[str, str], float] = {}
    for parameter in rows:
        effects |= _effects(rng, parameter)
    words = sorted(effects)
    chosen = [tuple(sorted(rng.sample(words, 2))) for _ in range(parameters)]
    pairs = {(a, b): rng.gauss(0.0, 0.06) for a, b in chosen if a[0] != b[0]}
    fatal = {(a, b) for a, b in pairs if rng.random() < 0.15}
    return Landscape(
        Space("fake", tuple(rows), starts=_starts(rng, rows, effects)),
        effects, pairs, frozenset(fatal), load_s=rng.uniform(5.0, 60.0),
    )  # fmt: skip


def _parameter(rng: random.Random, at: int) -> Parameter:
    concept = rng.choice(CONCEPTS)
    kind = rng.choice(("sizes", "sizes", "switch", "words"))
    if kind == "sizes":
        count = rng.randint(3, 6)
        begin = rng.randint(0, len(SIZES) - count)
        choices: tuple[Setting, ...] = SIZES[begin : begin + count]
        return Parameter(f"flag-{at:02d}", choices, rng.choice(choices), concept, ordered=True)
    choices = (True, False) if kind == "switch" else ("a", "b", "c")
    return Parameter(f"flag-{at:02d}", choices, choices[0], concept)


def _drafts(rng: random.Random) -> list[Parameter]:
    return [
        Parameter("spec-type", ("none", "ngram", "map"), "none", "speculation"),
        Parameter(
            "spec-n", (4, 8, 16), 16, "speculation", ordered=True,
            requires={"spec-type": ("ngram", "map")},
        ),
    ]  # fmt: skip


def _effects(rng: random.Random, parameter: Parameter) -> dict[tuple[str, str], float]:
    """Half of the flags do nothing; of the others two thirds were better left alone."""
    kind = rng.random()
    scale = 0.005 if kind < 0.45 else abs(rng.gauss(0.0, 0.2))
    sign = 1.0 if kind < 0.8 else -1.0
    others = [c for c in parameter.choices if c != parameter.default]
    if not parameter.ordered:
        return {(parameter.name, str(c)): sign * scale * rng.uniform(0.4, 1.2) for c in others}
    start = parameter.choices.index(parameter.default)
    best = (
        start if sign > 0 else rng.choice([i for i in range(len(parameter.choices)) if i != start])
    )
    width = max(1, abs(best - start))

    def at(place: int) -> float:
        return scale * (((place - best) / width) ** 2 - ((start - best) / width) ** 2)

    return {(parameter.name, str(c)): min(1.0, at(parameter.choices.index(c))) for c in others}


def _starts(
    rng: random.Random, rows: Sequence[Parameter], effects: Mapping[tuple[str, str], float]
) -> tuple[Start, ...]:
    """What an expert names: two of three of the best flags, and as many that do not help here."""
    moves = sorted(
        ((e, p.name, c) for p in rows for c in p.choices
         if (e := effects.get((p.name, str(c)))) is not None and not p.requires),
        key=lambda row: row[0],
    )  # fmt: skip
    good = [m for m in moves[:4] if m[0] < -0.03 and rng.random() < 0.66]
    rest = rng.sample(moves[4:], 3)
    return tuple(
        Start(f"start-{at}", "made up", {name: choice})
        for at, (_, name, choice) in enumerate(rng.sample([*good, *rest], len(good) + len(rest)))
    )


@dataclass
class LandscapeMeasurer:
    """Turns of 2 to 9 s under the default; noise by turn, by run and in bursts."""

    land: Landscape
    seed: int = 0
    turn_noise: float = 0.05
    run_noise: float = 0.02
    burst_share: float = 0.0
    _runs: int = field(default=0)

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: RecordSink,
        enough: Enough = never,
    ) -> Measurement:
        rng = random.Random(f"{self.seed}-{arm}-{block}-{self._runs}")
        self._runs += 1
        values = dict(candidate.settings.items())
        if self.land.fails(values):
            failure = Failure(FailureKind.CRASH, "it crashed")
            seconds = TrialSeconds(load_s=self.land.load_s)
            return Measurement(candidate, arm, block, (), failure, seconds)
        scale = math.exp(self.land.log_time(values) + rng.gauss(0.0, self.run_noise))
        records: list[TurnRecord] = []
        for planned in plan.turns:
            if enough():
                break
            records.append(self._record(planned, scale * self._noise(rng), arm, block))
            sink(records[-1])
        replay_s = sum(r.wall_s or 0.0 for r in records)
        return Measurement(
            candidate, arm, block, tuple(records), None,
            TrialSeconds(load_s=self.land.load_s, warm_up_s=0.5, replay_s=replay_s, stop_s=1.0),
            whole=len(records) == len(plan.turns),
        )  # fmt: skip

    def _noise(self, rng: random.Random) -> float:
        burst = 1.0 + rng.random() if rng.random() < self.burst_share else 1.0
        return burst * math.exp(rng.gauss(0.0, self.turn_noise))

    def _record(self, planned: PlannedTurn, scale: float, arm: str, block: int) -> TurnRecord:
        turn = planned.turn
        place = (hash_of(turn.session_id) + turn.index) % 7
        ttft_s, tps = (1.0 + 0.7 * place) * scale, 40.0 / scale
        tokens = planned.output_tokens or 40
        return TurnRecord(
            arm=arm, block=block, order=planned.order, session_id=turn.session_id,
            turn=turn.index, started_at="2026-01-01T00:00:00+00:00", asked_output_tokens=tokens,
            depth_tokens=20_000 + 1000 * place, cached_tokens=19_000, computed_tokens=1000,
            output_tokens=tokens, ttft_s=ttft_s, decode_tps=tps,
            wall_s=ttft_s + (tokens - 1) / tps, finish_reason="length",
        )  # fmt: skip


def hash_of(text: str) -> int:
    """The same in every process, unlike ``hash``."""
    return sum(ord(c) * (at + 1) for at, c in enumerate(text))


@dataclass(frozen=True)
class Made:
    """A landscape as what a search needs."""

    land: Landscape
    space: Space
    search_plan: ReplayPlan
    confirm_plan: ReplayPlan
    judge: Judge
    feasibility: Feasibility
    measurer: LandscapeMeasurer

    def truth(self, candidate: Candidate) -> float:
        """The log time without noise."""
        return self.land.log_time(candidate.settings)


def made(seed: int, *, sessions: int = 6, turns: int = 6, noise_seed: int = 0) -> Made:
    """The setup of one landscape; `noise_seed` draws another run of the same one."""
    land = landscape(seed)
    plan, held_out = plan_of(sessions, turns), plan_of(sessions, turns, first=sessions)
    keys = frozenset(
        (p.turn.session_id, p.turn.index) for one in (plan, held_out) for p in one.turns
    )
    return Made(
        land, land.space, plan, held_out, Judge(Objective.TURN, keys),
        Feasibility(land.space, None, Limits(None, None), gpu=False),
        LandscapeMeasurer(land, seed=noise_seed),
    )  # fmt: skip
