"""Answers from a finished study."""

from __future__ import annotations

from dataclasses import replace

import pytest
from formula import FormulaMeasurer, plan_of

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.launchers.failure import FailureKind
from autotune.records import TurnRecord
from autotune.trial.measurement import Measurement, TrialSeconds
from autotune.trial.recorded import RecordedMeasurer, RecordedTrial

PLAN = plan_of()


def trial(batch: int, kind: str = "none", failure: str | None = None) -> RecordedTrial:
    settings = {"batch-size": batch, "threads": 2, "spec-type": kind}
    sunk: list[TurnRecord] = []
    FormulaMeasurer().measure(Candidate(settings), PLAN, arm="x", block=0, sink=sunk.append)
    records = () if failure else tuple(sunk)
    return RecordedTrial(settings, records, failure, failure and "why", TrialSeconds(replay_s=3.0))


TABLE = RecordedMeasurer(
    [trial(128), trial(1024), trial(512, "ngram"), trial(2048, failure="crash")]
)


def ask(batch: int, kind: str = "none") -> tuple[dict[str, object], str | None, list[TurnRecord]]:
    sunk: list[TurnRecord] = []
    candidate = Candidate({"batch-size": batch, "threads": 2, "spec-type": kind})
    got = TABLE.measure(candidate, PLAN, arm="trial-0005", block=2, sink=sunk.append)
    return dict(got.effective), got.failure and got.failure.kind.value, sunk


def test_a_recorded_candidate_gets_its_own_records_under_the_asked_name() -> None:
    effective, failure, sunk = ask(128)
    assert effective["batch-size"] == 128
    assert failure is None
    assert {(r.arm, r.block) for r in sunk} == {("trial-0005", 2)}
    assert [r.order for r in sunk] == [0, 1, 2, 3]


def test_another_candidate_gets_the_nearest() -> None:
    assert ask(200)[0]["batch-size"] == 128
    assert ask(900)[0]["batch-size"] == 1024
    assert ask(256, "ngram")[0]["spec-type"] == "ngram"


def test_a_recorded_failure_is_a_failure() -> None:
    assert ask(2048)[1] == FailureKind.CRASH.value


def test_what_was_asked_after_a_replay_is_kept_for_whole_trials() -> None:
    told = replace(trial(128), extras={"usual_chart": {"tokens_per_s": 20.0}})
    table = RecordedMeasurer([told])

    def ask_until(turns: int) -> Measurement:
        sunk: list[TurnRecord] = []
        return table.measure(
            Candidate(told.settings), PLAN, arm="a", block=0, sink=sunk.append,
            enough=lambda: len(sunk) >= turns,
        )  # fmt: skip

    assert ask_until(99).extras == {"usual_chart": {"tokens_per_s": 20.0}}
    early = ask_until(2)
    assert not early.whole
    assert early.extras == {}


def test_distance_is_nothing_to_itself_and_one_to_a_stranger() -> None:
    assert TABLE.distance({"a": 1}, {"a": 1}) == 0.0
    assert TABLE.distance({"a": "x"}, {"b": "y"}) == 1.0
    # log2(1 + n) from 128 to 2048, one of two flags differs by the whole range.
    assert TABLE.distance({"batch-size": 128, "t": 1}, {"batch-size": 2048, "t": 1}) == 0.5


def test_left_early_it_gives_fewer_turns_and_costs_less() -> None:
    sunk: list[TurnRecord] = []
    candidate = Candidate({"batch-size": 128, "threads": 2, "spec-type": "none"})
    got = TABLE.measure(
        candidate, PLAN, arm="x", block=0, sink=sunk.append, enough=lambda: len(sunk) == 3
    )
    assert len(got.records) == len(sunk) == 3
    assert not got.whole
    # 3 s of replay less the fourth turn: TTFT (1 + 128/1024) * 1.03, and 0.45 s for its tokens.
    assert got.seconds.replay_s == pytest.approx(3.0 - 1.125 * 1.03 - 0.45)
    whole = TABLE.measure(candidate, PLAN, arm="x", block=0, sink=sunk.append)
    assert whole.whole
    assert whole.seconds.replay_s == 3.0


def test_a_study_without_trials_is_refused() -> None:
    with pytest.raises(UserError, match="no measured trial"):
        RecordedMeasurer([])
