"""Recordings made by hand, searched as if they were machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from formula import Bench, FormulaMeasurer

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.launchers.failure import FailureKind
from autotune.replay.planning import ahead_of
from autotune.search.factorial import FactorialFolder, described_plan, measuring_order, rung_plans
from autotune.search.recorded_setup import (
    RecordedSetup,
    factorial_recording,
    recorded_setup,
    standing,
    true_values,
)
from autotune.search.space import to_settings
from autotune.study.turn_log import TurnLog
from autotune.trial.recorded_noise import Noise
from autotune.trial.recorded_rows import ANCHOR, LaunchRow
from autotune.workload.synthesis.edits import edit_sessions
from autotune.workload.writer import write_capture

SPACE_TOML = """
schema_version = "search-space/1"
engine = "fake"

[parameters.batch-size]
choices = [128, 256, 512]
default = 512
ordered = true
concept = "batch size"

[parameters.threads]
choices = [1, 2]
default = 2
ordered = true
concept = "threads"

[parameters.spec-type]
choices = ["none", "ngram"]
default = "none"
concept = "speculation"
"""


def made(
    path: Path, rows: int = 12, slower: Callable[[int], float] = lambda _: 1.0, turns: int = 2
) -> Path:
    """A recording of all 12 configurations by the formula, with the default four times.

    With more turns there is a deep rung, of which every launch took ten times as long.
    """
    folder = FactorialFolder(path)
    path.mkdir()
    folder.space_path.write_text(SPACE_TOML)
    sessions = edit_sessions(sessions=2, turns=turns, start_depth=100, depth=200, reply_tokens=10)
    write_capture(sessions, folder.workload_path)
    plan = folder.plan()
    plans = rung_plans(plan)
    rungs = {name: described_plan(rung) for name, rung in plans.items()}
    folder.write_facts({"plan_digest": plan.digest, "rungs": rungs, "objective": "turn"})
    order = measuring_order(folder.space(), 0)
    launches = [("", s, rung) for rung in plans for s in order[:rows]]
    launches += [(ANCHOR, order[0], "whole")] * 3
    log = TurnLog(path / "turns.jsonl")
    with (path / "trials.jsonl").open("w") as out:
        for number, (label, settings, rung) in enumerate(launches):
            arm = f"{label or 'trial'}-{number:04d}"
            scale = slower(number) * (10 if rung == "deep" else 1)
            found = FormulaMeasurer(
                scale=lambda s, by=scale: by * (1 + float(s["batch-size"]) / 512)
            ).measure(Candidate(settings), plans[rung], arm=arm, block=0, sink=log.append)
            row = LaunchRow.of(found, number=number, rung=rung, label=label, at="")
            out.write(json.dumps(row.to_json()) + "\n")
    log.close()
    return path


def first_s(setup: RecordedSetup, arm: str) -> float:
    settings = to_settings(setup.space, setup.space.defaults)
    found = setup.measurer.measure(
        Candidate(settings), setup.search_plan, arm=arm, block=0, sink=lambda _: None
    )
    return found.records[0].ttft_s or 0.0


def test_a_setup_is_what_every_setup_is(tmp_path: Path) -> None:
    setup = recorded_setup(made(tmp_path / "f"), noise="none")
    space, search_plan, confirm_plan, judge, feasibility, measurer = setup[:6]
    assert space.names == ("batch-size", "threads", "spec-type")
    assert search_plan == confirm_plan
    assert len(search_plan.turns) == len(judge.at_depth) == 4
    assert feasibility.refusal(Candidate(to_settings(space, space.defaults))) is None
    assert measurer.clock is setup.clock
    assert setup.name == "f"
    first_s(setup, "a")
    # 1 s of load and 9 s of replay, as they were recorded.
    assert setup.clock() == 10.0


def test_what_was_not_recorded_is_refused_before_it_is_measured(tmp_path: Path) -> None:
    setup = recorded_setup(made(tmp_path / "f", rows=5), noise="none")
    known = {Candidate(s).key for s in setup.recorded.configurations}
    missing = [s for s in measuring_order(setup.space, 0) if Candidate(s).key not in known]
    assert len(missing) == 7
    refusal = setup.feasibility.refusal(Candidate(missing[0]))
    assert refusal is not None
    assert refusal.kind is FailureKind.BAD_FLAG
    failure = setup.measurer.measure(
        Candidate(missing[0]), setup.search_plan, arm="a", block=0, sink=lambda _: None
    ).failure
    assert failure == refusal


def test_the_default_has_as_many_looks_as_it_was_measured(tmp_path: Path) -> None:
    path = made(tmp_path / "f", slower=lambda number: 1 + number / 100)
    setup = recorded_setup(path, noise="none")
    assert [round(first_s(setup, f"a{n}"), 6) for n in range(5)] == [2.0, 2.24, 2.26, 2.28, 2.0]
    # The typical one of the four is between the second and the third.
    values = true_values(setup)
    key = Candidate(to_settings(setup.space, setup.space.defaults)).key
    plain = setup.judge.judge(
        replace(
            setup.recorded.truth().measure(
                Candidate(to_settings(setup.space, setup.space.defaults)),
                setup.search_plan, arm="x", block=0, sink=lambda _: None,
            )
        )
    )  # fmt: skip
    assert values[key] == plain.value
    assert len(values) == 12


def test_noise_is_by_seed_and_may_be_given(tmp_path: Path) -> None:
    path = made(tmp_path / "f", slower=lambda number: 1 + (number % 3) / 10)

    def looks(seed: int, noise: str | Noise) -> list[float]:
        setup = recorded_setup(path, seed, noise)
        return [first_s(setup, f"a{n}") for n in range(6)]

    assert looks(1, "recorded") == looks(1, "recorded") != looks(2, "recorded")
    assert max(looks(1, "tenfold-bursts")) < 100
    given = Noise(runs=(0.5,), turns=((0.0, 0.0),))
    assert len(set(looks(0, given))) == 1
    with pytest.raises(UserError, match="no noise is called 'loud'"):
        looks(0, "loud")


def test_too_few_runs_know_no_noise(tmp_path: Path) -> None:
    path = made(tmp_path / "f")
    rows = (path / "trials.jsonl").read_text().splitlines(keepends=True)
    (path / "trials.jsonl").write_text("".join(rows[:-2]))
    with pytest.raises(UserError, match="too few runs"):
        recorded_setup(path)
    assert recorded_setup(path, noise="none").recorded.configurations


def test_a_launch_from_before_a_drift_counts_no_more_once_it_was_made_again() -> None:
    def row(number: int, label: str = "", rung: str = "whole", batch: int = 1) -> LaunchRow:
        return LaunchRow(
            number=number, arm=f"t{number}", rung=rung, label=label, settings={"b": batch}
        )

    rows = [
        row(0), row(1, batch=2), row(1, rung="deep", batch=2), row(2, ANCHOR),
        row(3, "again: t1 after drift", batch=2), row(4, "look 2", batch=2),
    ]  # fmt: skip
    assert [(r.number, r.rung) for r in standing(rows)] == [
        (0, "whole"), (1, "deep"), (2, "whole"), (3, "whole"), (4, "whole"),
    ]  # fmt: skip


def test_another_workload_is_refused(tmp_path: Path) -> None:
    folder = FactorialFolder(made(tmp_path / "f"))
    sessions = edit_sessions(sessions=2, turns=2, start_depth=100, depth=200, reply_tokens=11)
    write_capture(sessions, folder.workload_path, force=True)
    with pytest.raises(UserError, match="not the one that was recorded"):
        factorial_recording(folder)


def searched(path: Path, recording: Path, noise: str) -> list[tuple[str, float | None]]:
    setup = recorded_setup(recording, seed=3, noise=noise)
    bench = Bench(path, plan=setup.search_plan)
    ledger = bench.run(setup.measurer, 9, space=setup.space)
    return [(e.key, e.value) for e in ledger.entries]


def test_two_searches_of_one_recording_are_the_same(tmp_path: Path) -> None:
    path = made(tmp_path / "f", slower=lambda number: 1 + (number % 3) / 10)
    one = searched(tmp_path / "one", path, "recorded")
    assert one == searched(tmp_path / "two", path, "recorded")
    assert len(one) >= 9


def test_a_probe_ahead_of_the_plan_is_answered_by_its_own_launch(tmp_path: Path) -> None:
    setup = recorded_setup(made(tmp_path / "f", turns=8), noise="none")
    deep = rung_plans(setup.search_plan)["deep"]
    both = ahead_of(deep, setup.search_plan)
    default = Candidate(to_settings(setup.space, setup.space.defaults))
    found = setup.measurer.measure(default, both, arm="a", block=0, sink=lambda _: None)
    probe, rest = found.records[: len(deep.turns)], found.records[len(deep.turns) :]
    assert {r.session_id.rpartition("~")[2] for r in probe} == {"deep"}
    assert [r.order for r in found.records] == list(range(len(both.turns)))
    assert (round(probe[0].ttft_s or 0, 6), rest[0].ttft_s) == (20.0, 2.0)
    # Loaded once, for both.
    assert found.seconds.load_s == 1.0


def test_a_finished_study_is_a_recording_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "study")
    ledger = bench.run(FormulaMeasurer(), 8)
    bench.folder.write_provenance(
        {
            "engine": "fake", "objective": "turn", "plan_digest": "digest", "depth": "0+",
            "history": "closed-loop",
        }
    )  # fmt: skip
    setup = recorded_setup(bench.path, noise="none")
    whole = {e.key for e in ledger.entries if e.outcome == "complete"}
    assert {Candidate(s).key for s in setup.recorded.configurations} == whole
    assert first_s(setup, "a") == pytest.approx(1.5)
    # What was not measured is answered by the nearest: nothing is refused.
    far = Candidate({"batch-size": 4096, "threads": 2, "spec-type": "none"})
    assert setup.feasibility.refusal(far) is None
    found = setup.measurer.measure(far, setup.search_plan, arm="b", block=0, sink=lambda _: None)
    assert found.failure is None
    assert found.telemetry["nearest"]["threads"] == 2
