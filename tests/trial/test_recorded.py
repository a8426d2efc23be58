"""Answers from a finished study."""

from __future__ import annotations

from dataclasses import replace

import pytest
from formula import FormulaMeasurer, plan_of

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.launchers.failure import FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.replay.planning import part
from autotune.trial.measurement import Measurement, TrialSeconds
from autotune.trial.recorded import RecordedMeasurer, RecordedTrial
from autotune.trial.recorded_noise import Noise

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


def take(trial: RecordedTrial, seconds: float, **more: object) -> RecordedTrial:
    """`trial` with every turn so much later, and the replay as much longer."""
    records = tuple(
        replace(r, ttft_s=(r.ttft_s or 0) + seconds, wall_s=(r.wall_s or 0) + seconds)
        for r in trial.records
    )
    replay_s = trial.seconds.replay_s + 4 * seconds
    return replace(trial, records=records, seconds=TrialSeconds(1.0, replay_s=replay_s), **more)


def look(table: RecordedMeasurer, arm: str = "a", settings: dict[str, object] | None = None,
         plan: ReplayPlan = PLAN) -> Measurement:  # fmt: skip
    candidate = Candidate(settings or trial(128).settings)  # type: ignore[arg-type]
    return table.measure(candidate, plan, arm=arm, block=0, sink=lambda _: None)


def first_s(measurement: Measurement) -> float:
    return measurement.records[0].ttft_s or 0.0


def test_looks_at_one_configuration_are_given_in_turn() -> None:
    table = RecordedMeasurer([trial(128), trial(512), take(trial(128), 1.0)])
    assert [first_s(look(table, f"a{n}")) for n in range(3)] == [1.125, 2.125, 1.125]
    assert [look(table, f"b{n}").seconds.replay_s for n in range(2)] == [7.0, 3.0]
    assert first_s(look(table, settings=dict(trial(512).settings))) == 1.5


NOISE = Noise(runs=(-0.1, 0.0, 0.1), turns=((-0.02, 0.01), (0.02, -0.01)))


def test_with_noise_a_second_look_is_never_the_first_and_the_seed_decides() -> None:
    def looks(seed: int) -> list[float]:
        table = RecordedMeasurer([trial(128)], noise=NOISE, seed=seed)
        # The same arm again is a launch that was made again.
        return [first_s(look(table, arm)) for arm in ("a", "a", "b")]

    assert looks(0) == looks(0) != looks(1)
    assert len(set(looks(0))) > 1
    found = look(RecordedMeasurer([trial(128)], noise=NOISE))
    walls = [sum(r.wall_s or 0 for r in m) for m in (found.records, trial(128).records)]
    assert found.seconds.replay_s == pytest.approx(3.0 + walls[0] - walls[1])


def test_the_truth_is_the_typical_launch() -> None:
    takes = [trial(128), take(trial(128), 1.0), take(trial(128), 7.0)]
    truth = RecordedMeasurer(takes, noise=NOISE, seed=3).truth()
    assert first_s(look(truth, "a")) == first_s(look(truth, "b")) == 2.125
    assert truth.configurations == [trial(128).settings]


def test_an_exact_recording_refuses_what_it_has_not() -> None:
    table = RecordedMeasurer([trial(128)], exact=True)
    assert table.knows(Candidate(trial(128).settings))
    stranger = look(table, settings=dict(trial(512).settings))
    assert stranger.failure is not None
    assert stranger.failure.kind is FailureKind.BAD_FLAG
    assert stranger.seconds.total_s == 0.0


def test_it_says_that_it_was_recorded_and_whose_it_is() -> None:
    table = RecordedMeasurer([replace(trial(128), name="trial-0004", effective={"x": 1})])
    own = look(table)
    assert dict(own.telemetry) == {"recorded": "trial-0004"}
    assert dict(own.effective) == {"x": 1}
    near = look(table, settings={"batch-size": 256})
    assert near.telemetry["nearest"] == trial(128).settings


def test_a_rung_of_its_own_is_answered_by_itself_and_others_from_the_whole() -> None:
    half = part(PLAN, [("s0", 0), ("s0", 1)])
    other = part(PLAN, [("s1", 0), ("s1", 1)])
    rung = replace(take(trial(128), 1.0), seconds=TrialSeconds(load_s=1.0, replay_s=5.0))
    rung = replace(rung, records=rung.records[:2])
    table = RecordedMeasurer([rung, replace(trial(128), seconds=TrialSeconds(2.0, replay_s=8.0))])
    assert look(table, plan=half).seconds == TrialSeconds(load_s=1.0, replay_s=5.0)
    assert first_s(look(table, plan=half)) == 2.125
    cut = look(table, plan=other)
    assert [r.session_id for r in cut.records] == ["s1", "s1"]
    assert cut.whole
    # Half of the turns' seconds, and half of what the replay took beside them.
    walls = [r.wall_s or 0.0 for r in trial(128).records]
    beside = (8.0 - sum(walls)) / 2
    assert cut.seconds.load_s == 2.0
    assert cut.seconds.replay_s == pytest.approx(sum(walls[2:]) + beside)
    with pytest.raises(UserError, match="no turn 0 of session s9"):
        look(table, plan=replace(PLAN, turns=(renamed(PLAN.turns[0]),)))


def renamed(planned: PlannedTurn) -> PlannedTurn:
    return replace(planned, turn=replace(planned.turn, session_id="s9"))


def test_a_plan_with_shorter_replies_is_cut_from_the_whole() -> None:
    short = replace(PLAN, turns=tuple(replace(p, output_tokens=5) for p in PLAN.turns))
    told = look(RecordedMeasurer([trial(128)]), plan=short)
    assert {r.output_tokens for r in told.records} == {5}
    # Four tokens after the first instead of nine, at 20 a second.
    assert told.records[0].wall_s == pytest.approx(1.125 + 0.2)


def test_a_recorded_failure_costs_what_it_cost_and_has_no_part() -> None:
    keys = tuple((p.turn.session_id, p.turn.index) for p in PLAN.turns)
    broken = replace(trial(128, failure="crash"), asked=keys)
    table = RecordedMeasurer([broken])
    for plan in (PLAN, part(PLAN, [("s0", 0)])):
        found = look(table, plan=plan)
        assert found.failure is not None
        assert (found.failure.kind, found.seconds.replay_s) == (FailureKind.CRASH, 3.0)
