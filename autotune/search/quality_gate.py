"""The quality guard: no setting that changes what the model says wins unless it is close enough.

A candidate is compared with the study's own baseline at positions of the user's own captures. What
is asked is the settings that can change the output, laid over the baseline, one slot and the least
context: what else a candidate changes does not alter its words. So each distinct set of such
settings is asked once a study, and the reference once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError, UserError
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.protocol import Server
from autotune.replay.plan import ReplayPlan
from autotune.scoring.quality import MIN_POSITIONS, Threshold
from autotune.search.quality_store import (
    Finding,
    candidate_row,
    finding_of,
    quality_settings,
    settings_key,
)
from autotune.search.space import Space, to_settings
from autotune.study.quality_log import (
    CANDIDATE,
    REFERENCE,
    append_quality,
    quality_path,
    read_quality,
)
from autotune.trial.measurement import (
    Enough,
    Measurement,
    Measurer,
    RecordSink,
    TrialSeconds,
    never,
)
from autotune.trial.next_token import Asker, find_way, greeted, make_asker
from autotune.trial.quality_probe import CALLS, Answers, Probe, compare_answers, compare_calls
from autotune.trial.quality_walks import Walk

METHOD = "next-token/1"
"""How positions are drawn and asked; answers by another method are not compared with."""

NO_NUMBERS = "the engine gives no probabilities of tokens"

Serve = Callable[[Candidate, str], AbstractContextManager[Server]]
"""A server that runs a candidate, under a name of its own."""

_LEAST = {"parallel": 1, "cache-ram": 0}
_CONTEXT = "context length"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPlan:
    """What a guard asks, of whom, and what it accepts.

    `identity` names engine, model and workload: answers about other ones are not used. `limit_s`
    ends the asking of one set of settings.
    """

    walks: Sequence[Walk]
    threshold: Threshold
    identity: Mapping[str, Any]
    model_name: str
    seed: int
    positions: int
    calls: int = CALLS
    limit_s: float | None = None

    @property
    def of(self) -> dict[str, Any]:
        """What the answers on disk must be of."""
        return {
            **self.identity, "method": METHOD, "seed": self.seed, "positions": self.positions,
            "threshold": asdict(self.threshold),
        }  # fmt: skip


@dataclass(slots=True)
class QualityGate:
    """Answers for every candidate whether it may win. `reference` are settings for the baseline.

    `reference` is empty where the baseline itself is the best there is.
    """

    plan: GuardPlan
    space: Space
    serve: Serve
    folder: Path
    reference: Mapping[str, Setting] = field(default_factory=dict)
    spent_s: float = 0.0
    _way: str | None = None
    _answers: Answers | None = None
    _findings: dict[str, Finding] = field(default_factory=dict)

    def open(self) -> str | None:
        """Read what is known, ask the reference if need be; why the guard cannot run, if it cannot.

        Raises `UserError` where the study was guarded otherwise, `MachineError` when the engine
        does not start with the reference settings.
        """
        rows = read_quality(quality_path(self.folder))
        row = next((row for row in rows if row["what"] == REFERENCE), None)
        if row is None:
            row = self._ask_reference()
        elif row["of"] != self.plan.of:
            raise _guarded_otherwise(row["of"], self.plan.of)
        if row["answers"] is None:
            return str(row["why"])
        self._way = str(row["way"])
        self._answers = Answers.from_json(row["answers"])
        for one in rows:
            if one["what"] == CANDIDATE:
                self._findings[one["key"]] = self._judged(one)
        return None

    @property
    def positions(self) -> int:
        """At how many positions the reference gave a distribution."""
        return sum(bool(row.top) for row in self._answers.rows) if self._answers else 0

    @property
    def reference_s(self) -> float:
        """What asking the reference took."""
        return self._answers.seconds if self._answers else 0.0

    def _ask_reference(self) -> dict[str, Any]:
        try:
            with self.serve(self._bare(self.reference), "quality-reference") as server:
                way = find_way(server.base_url, self.plan.model_name)
                answers = None if way is None else self._asked(self._asker(server, way))
        except TrialError as error:
            raise MachineError(
                f"the engine does not start with the reference settings: {error}",
                "see its log in the study's folder, or leave out --quality guard",
            ) from None
        why = _why_not(answers)
        known = answers.to_json() if answers is not None and why is None else None
        row = {"what": REFERENCE, "of": self.plan.of, "way": way, "why": why, "answers": known}
        append_quality(quality_path(self.folder), row)
        return row

    def _asker(self, server: Server, way: str) -> Asker:
        return make_asker(way, server.base_url, self.plan.model_name)

    def _asked(self, asker: Asker) -> Answers:
        plan = self.plan
        probe = Probe(
            asker,
            plan.walks,
            seed=plan.seed,
            positions=plan.positions,
            calls=plan.calls,
            limit_s=plan.limit_s,
        )
        return probe.run()

    def _bare(self, settings: Mapping[str, Setting]) -> Candidate:
        """The baseline with `settings`, one slot, the least context and no host cache."""
        least = {n: v for n, v in _LEAST.items() if n in self.space.names}
        for parameter in self.space.parameters:
            numbers = [v for v in parameter.choices if isinstance(v, int | float)]
            if parameter.concept == _CONTEXT and numbers:
                least[parameter.name] = int(min(numbers))
        return Candidate(to_settings(self.space, {**self.space.defaults, **least, **settings}))

    def check(self, candidate: Candidate) -> Finding | None:
        """What is found of the candidate's settings; ``None`` where they change no word.

        It is asked at most once a study; an engine that does not start with the settings alone is
        tried with the whole candidate.
        """
        settings = quality_settings(self.space, candidate.settings)
        if not settings:
            return None
        key = settings_key(settings)
        if key not in self._findings:
            row = self._measured(settings, candidate)
            append_quality(quality_path(self.folder), row)
            self._findings[key] = self._judged(row)
            self.spent_s += row["seconds"]
        return self._findings[key]

    def _judged(self, row: Mapping[str, Any]) -> Finding:
        return finding_of(row, self.plan.threshold, self.plan.seed)

    def _measured(self, settings: Mapping[str, Setting], candidate: Candidate) -> dict[str, Any]:
        began = time.monotonic()
        name = f"quality-{settings_key(settings)}"
        failure = None
        for tried in (self._bare(settings), candidate):
            try:
                with self.serve(tried, name) as server:
                    asker = self._asker(server, self._way or "")
                    greeted(asker)
                    answers = self._asked(asker)
            except TrialError as error:
                failure = (error.failure.kind.value, error.failure.message)
                continue
            return self._compared(settings, answers, time.monotonic() - began)
        return candidate_row(settings, [], [], time.monotonic() - began, failure)

    def _compared(
        self, settings: Mapping[str, Setting], answers: Answers, seconds: float
    ) -> dict[str, Any]:
        reference = self._answers
        assert reference is not None  # open() came before
        rows = compare_answers(reference, answers)
        calls = compare_calls(reference, answers, self.plan.walks)
        return candidate_row(settings, rows, calls, seconds)


def _why_not(answers: Answers | None) -> str | None:
    """Why a reference's answers are of no use."""
    if answers is None:
        return NO_NUMBERS
    count = sum(bool(row.top) for row in answers.rows)
    if count >= MIN_POSITIONS:
        return None
    late = " before its time was up" if answers.cut_short else ""
    return (
        f"only {count} positions of the captures could be asked{late}, {MIN_POSITIONS} are needed"
    )


def _guarded_otherwise(was: Mapping[str, Any], now: Mapping[str, Any]) -> UserError:
    names = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
    return UserError(
        f"the study's quality was guarded otherwise: {', '.join(names)} differ",
        "name another study with --study, or add --new-study to begin a fresh one",
    )


@dataclass(frozen=True, slots=True)
class GuardedMeasurer:
    """Measures what the gate lets through; the rest fails by quality and is never replayed."""

    measurer: Measurer
    gate: QualityGate

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
        """As the measurer behind it, with the guard's seconds in `TrialSeconds.quality_s`."""
        before = self.gate.spent_s
        finding = self.gate.check(candidate)
        spent_s = self.gate.spent_s - before
        if finding is not None and finding.reason is not None:
            return Measurement(
                candidate=candidate,
                arm=arm,
                block=block,
                records=(),
                failure=_failure(finding),
                seconds=TrialSeconds(quality_s=spent_s),
                whole=False,
            )
        found = self.measurer.measure(
            candidate, plan, arm=arm, block=block, sink=sink, enough=enough
        )
        return replace(found, seconds=replace(found.seconds, quality_s=spent_s))


def behind(gate: QualityGate | None, measurer: Measurer) -> Measurer:
    """`measurer`, guarded where there is a guard."""
    return measurer if gate is None else GuardedMeasurer(measurer, gate)


def _failure(finding: Finding) -> Failure:
    """Of settings that do not even start, what they failed of: the search learns from that."""
    if finding.failure is not None and finding.figures is None:
        kind, message = finding.failure
        return Failure(FailureKind(kind), message)
    return Failure(FailureKind.QUALITY, finding.reason or "")
