"""The recorded measurer: answers from measurements that were made once, without an engine."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import UserError
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.trial.measurement import Enough, Measurement, RecordSink, TrialSeconds, never
from autotune.trial.recorded_match import distance, ranges_of
from autotune.trial.recorded_noise import Noise
from autotune.trial.recorded_part import TurnKey, keys_of, lengths_of, original, part_of, record_key
from autotune.trial.recorded_turn import typical

NOT_RECORDED = "this configuration was not recorded"


@dataclass(frozen=True, slots=True)
class RecordedTrial:
    """One launch as a study left it: its settings, its records or its failure.

    Attributes:
        extras: what was asked after its replay; a trial that is left early has none of it.
        effective: what the engine said it runs with; empty where it was not kept.
        asked: the turns that were to be replayed; ``None`` for those of `records`.
        name: its arm in the recording.
    """

    settings: Mapping[str, Setting]
    records: tuple[TurnRecord, ...]
    failure: str | None
    reason: str | None
    seconds: TrialSeconds
    extras: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    effective: Mapping[str, Setting] = field(default_factory=dict)
    asked: tuple[TurnKey, ...] | None = None
    name: str = ""

    @property
    def turns(self) -> tuple[TurnKey, ...]:
        """Which turns it is a recording of, in order."""
        return tuple(map(record_key, self.records)) if self.asked is None else self.asked


_Asked = tuple[str, tuple[TurnKey, ...], tuple[int, ...]]
"""A configuration and a plan: the turns, and how long their replies are."""


class RecordedMeasurer:
    """Looks a candidate up among recorded launches.

    **Which launch.** A plan that was recorded as such is answered by its own records and seconds;
    any other part of what was recorded, from the whole (`recorded_part` says what is estimated).
    Where a launch of the configuration failed on turns that include those of the plan, it fails.

    **Which configuration.** One that was never measured gets the nearest recorded one, so that any
    sampler can be run over a table of real measurements; `Measurement.telemetry` says so. With
    `exact` it fails instead, as a flag that the engine does not know.

    **A second look.** Without `noise`, launches of the same configuration are given in turn. With
    it, each look is drawn anew around the typical launch (turn by turn the median of them), from
    `seed`, the arm and the block: two studies of the same seed measure the same.
    """

    def __init__(
        self,
        trials: Sequence[RecordedTrial],
        *,
        exact: bool = False,
        noise: Noise | None = None,
        seed: int = 0,
    ) -> None:
        if not trials:
            raise UserError("the study has no measured trial", "run 'autotune run' on it first")
        self._by_key: dict[str, list[RecordedTrial]] = {}
        for trial in trials:
            self._by_key.setdefault(Candidate(trial.settings).key, []).append(trial)
        self._trials = list(trials)
        self._ranges = ranges_of(t.settings for t in trials)
        self._exact, self._noise, self._seed = exact, noise, seed
        self._known: dict[_Asked, tuple[list[RecordedTrial], RecordedTrial]] = {}
        self._looks: dict[_Asked, int] = {}
        self._attempts: dict[tuple[str, int], int] = {}

    @property
    def configurations(self) -> list[Mapping[str, Setting]]:
        """Every recorded configuration once, in the order in which they were recorded."""
        return [launches[0].settings for launches in self._by_key.values()]

    def knows(self, candidate: Candidate) -> bool:
        """Whether `candidate` itself was recorded."""
        return candidate.key in self._by_key

    def truth(self) -> RecordedMeasurer:
        """The same recording without noise, each configuration as its typical launch."""
        calm = Noise(runs=(0.0,), turns=((0.0, 0.0),))
        return RecordedMeasurer(self._trials, exact=self._exact, noise=calm)

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
        """The recorded measurement, under the asked arm and block.

        Left early, it costs what the turns that it gave took: the rest of the replay is taken off.
        Raises `UserError` for a plan with turns that were not recorded.
        """
        if self._exact and not self.knows(candidate):
            failure = Failure(FailureKind.BAD_FLAG, NOT_RECORDED)
            return Measurement(candidate, arm, block, (), failure, whole=False)
        found = self._look(self._launches(candidate), plan, arm, block)
        records: list[TurnRecord] = []
        for recorded in found.records:
            if enough():
                break
            records.append(replace(recorded, arm=arm, block=block))
            sink(records[-1])
        return _measurement(candidate, arm, block, found, records)

    def distance(self, a: Mapping[str, Setting], b: Mapping[str, Setting]) -> float:
        """0 for equal settings, 1 for settings with nothing in common."""
        return distance(a, b, self._ranges)

    def _launches(self, candidate: Candidate) -> list[RecordedTrial]:
        """Of this configuration, else of the nearest one; ties go to the earlier."""
        if self.knows(candidate):
            return self._by_key[candidate.key]
        near = min(self._trials, key=lambda t: self.distance(candidate.settings, t.settings))
        return self._by_key[Candidate(near.settings).key]

    def _look(
        self, launches: Sequence[RecordedTrial], plan: ReplayPlan, arm: str, block: int
    ) -> RecordedTrial:
        keys = keys_of(plan)
        asked = (Candidate(launches[0].settings).key, keys, lengths_of(plan))
        if asked not in self._known:
            takes = takes_of(launches, plan)
            self._known[asked] = (takes, _typical(takes))
        takes, usual = self._known[asked]
        if self._noise is None:
            self._looks[asked] = self._looks.get(asked, -1) + 1
            return takes[self._looks[asked] % len(takes)]
        attempt = self._attempts[arm, block] = self._attempts.get((arm, block), -1) + 1
        drawn = random.Random(f"{self._seed}|{arm}|{block}|{attempt}|{keys}")
        return _noisy(usual, self._noise, drawn)


def takes_of(launches: Sequence[RecordedTrial], plan: ReplayPlan) -> list[RecordedTrial]:
    """The launches of one configuration that answer `plan`, cut to it; at least one.

    Those of this very plan, else those that had all of its turns, or the turns that its are copies
    of. Raises `UserError` when there is neither.
    """
    keys = keys_of(plan)
    same = [t for t in launches if _is_of(t, plan, keys)]
    if same:
        return same
    wanted = {original(key) for key in keys}
    wider = [t for t in launches if wanted <= set(t.turns)]
    if not wider:
        # Says which turn is missing.
        part_of(max((t.records for t in launches), key=len), plan)
    beside = _by_turns([t for t in launches if t not in wider and t.failure is None])
    return [_cut(t, plan, [b[at % len(b)].records for b in beside]) for at, t in enumerate(wider)]


def _is_of(trial: RecordedTrial, plan: ReplayPlan, keys: tuple[TurnKey, ...]) -> bool:
    """Whether `trial` replayed just this, with replies that were no longer; or failed at once."""
    if trial.failure is not None and not trial.turns:
        return True
    lengths = {key: p.output_tokens for key, p in zip(keys, plan.turns, strict=True)}
    fits = all((r.asked_output_tokens or 0) <= lengths.get(record_key(r), 0) for r in trial.records)
    return trial.turns == keys and fits


def _by_turns(launches: Sequence[RecordedTrial]) -> list[list[RecordedTrial]]:
    """Launches of the same turns together."""
    found: dict[tuple[TurnKey, ...], list[RecordedTrial]] = {}
    for launch in launches:
        found.setdefault(launch.turns, []).append(launch)
    return list(found.values())


def _cut(
    trial: RecordedTrial, plan: ReplayPlan, rungs: Sequence[Sequence[TurnRecord]]
) -> RecordedTrial:
    """A launch as it would have been with a part of its turns."""
    if trial.failure is not None:
        return trial
    records = part_of(trial.records, plan, rungs)
    beside_s = max(0.0, trial.seconds.replay_s - _walls(trial.records))
    share = len(records) / max(1, len(trial.records))
    replay_s = _walls(records) + share * beside_s
    seconds = replace(trial.seconds, replay_s=replay_s, after_s=0.0, quality_s=0.0)
    return replace(trial, records=records, seconds=seconds, extras={})


def _typical(takes: Sequence[RecordedTrial]) -> RecordedTrial:
    """The first good take with every turn's median over the good ones."""
    good = [t for t in takes if t.failure is None] or takes[:1]
    records = tuple(typical(turns) for turns in zip(*(t.records for t in good), strict=True))
    return _lasting(good[0], records)


def _noisy(trial: RecordedTrial, noise: Noise, rng: random.Random) -> RecordedTrial:
    return _lasting(trial, noise.over(trial.records, rng))


def _lasting(trial: RecordedTrial, records: tuple[TurnRecord, ...]) -> RecordedTrial:
    """`trial` with other records, and as much longer as they are."""
    longer_s = _walls(records) - _walls(trial.records)
    replay_s = max(0.0, trial.seconds.replay_s + longer_s)
    return replace(trial, records=records, seconds=replace(trial.seconds, replay_s=replay_s))


def _measurement(
    candidate: Candidate,
    arm: str,
    block: int,
    found: RecordedTrial,
    records: Sequence[TurnRecord],
) -> Measurement:
    left_s = _walls(found.records[len(records) :])
    seconds = replace(found.seconds, replay_s=max(0.0, found.seconds.replay_s - left_s))
    failure = None
    if found.failure is not None:
        failure = Failure(FailureKind(found.failure), found.reason or "recorded failure")
    whole = len(records) == len(found.records)
    return Measurement(
        candidate, arm, block, tuple(records), failure, seconds, whole=whole,
        effective=found.effective or found.settings,
        telemetry=_said(candidate, found),
        extras=found.extras if whole else {},
    )  # fmt: skip


def _said(candidate: Candidate, found: RecordedTrial) -> dict[str, Any]:
    """That this was recorded; and whose it is, where it is another configuration's."""
    told: dict[str, Any] = {"recorded": found.name or True}
    if Candidate(found.settings).key != candidate.key:
        told["nearest"] = dict(found.settings)
    return told


def _walls(records: Sequence[TurnRecord]) -> float:
    return sum(r.wall_s or 0.0 for r in records)
