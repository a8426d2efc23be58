"""What others disturbed is made again, set aside, counted, and given up in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from formula import FormulaMeasurer, plan_of
from steady import CORES, NOISY, SteadyBench, busy

from autotune.candidate import Candidate
from autotune.launchers.failure import Failure, FailureKind
from autotune.launchers.protocol import Launcher
from autotune.records import TurnRecord
from autotune.scoring.contaminated import contaminated, marked
from autotune.search.ledger import arm_name
from autotune.search.remeasure import Remeasure, aside_name, disturbed, is_aside
from autotune.study.turn_log import TurnLog, read_turns
from autotune.trial.measurement import Measurement, TrialSeconds
from autotune.trial.real import RealMeasurer


def measured(arm: str = "trial-0001", block: int = 0, noisy: int = 0) -> Measurement:
    """Ten turns of a second each, the first `noisy` of them beside somebody else's work."""
    records = tuple(
        marked(
            TurnRecord(
                arm=arm, block=block, order=at, session_id="s", turn=at, started_at="",
                asked_output_tokens=10, output_tokens=10, ttft_s=0.5, decode_tps=20.0, wall_s=1.0,
                machine=NOISY if at < noisy else None,
            ),
            CORES,
        )
        for at in range(10)
    )  # fmt: skip
    return Measurement(
        Candidate({}), arm, block, records, None, TrialSeconds(load_s=1.0, replay_s=10.0)
    )


@pytest.fixture
def log(tmp_path: Path) -> Iterator[TurnLog]:
    made = TurnLog(tmp_path / "turns.jsonl")
    yield made
    made.close()


@pytest.fixture
def clean(log: TurnLog) -> Remeasure:
    return Remeasure(log=log, cores=CORES)


def asked(
    clean: Remeasure, found: Measurement, times: int = 1, left_s: float | None = None
) -> bool:
    for record in found.records:
        clean.log.append(record)
    return clean.again(found, times=times, left_s=left_s)


def test_a_clean_measurement_is_taken_as_it_is(clean: Remeasure) -> None:
    assert not asked(clean, measured(noisy=1))  # one turn of ten is borne
    assert [r.arm for r in read_turns(clean.log.path)] == ["trial-0001"] * 10


def test_a_spoiled_one_is_set_aside_and_made_again_once(clean: Remeasure) -> None:
    assert asked(clean, measured(noisy=2))
    assert {r.arm for r in read_turns(clean.log.path)} == {aside_name("trial-0001", 1)}
    assert not asked(clean, measured(noisy=9))
    arms = [r.arm for r in read_turns(clean.log.path)]
    assert arms.count("trial-0001") == arms.count("trial-0001~1") == 10
    assert sum(r.mark == "contaminated" for r in read_turns(clean.log.path)) == 11


def test_not_where_it_does_not_fit_the_time(clean: Remeasure) -> None:
    assert not asked(clean, measured(noisy=9), left_s=10.0)
    assert asked(clean, measured("trial-0002", noisy=9), left_s=12.0)


def test_a_failure_and_a_lost_race_are_findings(clean: Remeasure) -> None:
    failed = replace(measured(noisy=9), failure=Failure(FailureKind.CRASH, "it died"))
    assert not asked(clean, failed)
    assert not asked(clean, replace(measured("trial-0002", noisy=9), whole=False))


def test_no_more_than_a_quarter_is_set_aside(clean: Remeasure) -> None:
    """11 s each: the first is free, a second makes 22 of what must then be at least 88 s."""
    assert asked(clean, measured("a", noisy=9))
    assert not asked(clean, measured("a"))
    again = []
    for at in range(8):
        name = f"b{at}"
        again.append(asked(clean, measured(name, noisy=9)))
        # With the n-th of these, from 0, 33 + 11 n s are spent: 88 from n = 5 on.
    assert [at for at, made in enumerate(again) if made] == [5]


def test_a_machine_that_never_gets_quiet_is_taken_as_it_is(clean: Remeasure) -> None:
    clean._spent_s = 1e6  # plenty of time: only giving up ends this
    for name in ("a", "b"):
        assert asked(clean, measured(name, noisy=9), times=2)
        assert asked(clean, measured(name, noisy=9), times=2)
        assert not asked(clean, measured(name, noisy=9), times=2)
    assert clean.gave_up
    assert not asked(clean, measured("c", noisy=9), times=2)


def test_what_was_discarded_is_counted_from_the_disk() -> None:
    kept = measured("trial-0000").records
    aside = [replace(r, arm="trial-0001~1") for r in measured("trial-0001", noisy=9).records]
    spoiled = measured("trial-0001", noisy=3).records
    found = disturbed([*kept, *aside, *spoiled], CORES)
    assert (found.discarded_turns, found.discarded_s, found.again) == (10, 10.0, 1)
    assert found.share == pytest.approx(1 / 3)
    assert (found.kept_turns, found.kept_spoiled) == (3, 1)
    assert found.reasons == ("other processes kept 1.20 cores busy",)
    assert disturbed([], CORES).share == 0.0


def test_a_search_measures_a_disturbed_trial_again_and_ranks_the_clean_figures(
    tmp_path: Path,
) -> None:
    bench = SteadyBench(tmp_path / "busy", plan=plan_of(2, 10), every=0)
    quiet = SteadyBench(tmp_path / "quiet", plan=plan_of(2, 10), every=0)
    ledger = bench.run(busy(2), 6)
    same = quiet.run(FormulaMeasurer(), 6)
    assert [(e.label, e.value) for e in ledger.entries] == [
        (e.label, e.value) for e in same.entries
    ]
    turns = list(bench.folder.read_turns())
    aside = [r for r in turns if is_aside(r.arm)]
    assert {r.arm for r in aside} == {aside_name(arm_name(1), 1)}
    assert len(aside) == 20
    assert all(r.mark == "contaminated" for r in aside)
    assert not [r for r in turns if r.mark and not is_aside(r.arm)]


def test_a_burst_does_not_lose_a_race(tmp_path: Path) -> None:
    """All of a good candidate's turns are slowed down: it is not stopped, but measured again."""
    bench = SteadyBench(tmp_path, plan=plan_of(2, 10), every=0)
    ledger = bench.run(busy(5), 5)
    last = ledger.measured[4]
    assert last.outcome == "complete"
    assert ledger.best is not None
    assert ledger.best.number == last.number
    assert aside_name(arm_name(last.number), 1) in {r.arm for r in bench.folder.read_turns()}


BURN = """
import os, sys
if os.fork():
    sys.exit()
os.setsid()
if os.fork():
    os._exit(0)
print(os.getpid(), flush=True)
while True:
    pass
"""


@pytest.fixture
def burner() -> Iterator[int]:
    """A process that keeps a processor busy and is no child of ours."""
    with subprocess.Popen([sys.executable, "-c", BURN], stdout=subprocess.PIPE, text=True) as made:
        assert made.stdout is not None
        pid = int(made.stdout.readline())
        yield pid
        os.kill(pid, signal.SIGKILL)


def test_a_real_burner_marks_the_turns_of_a_real_measurement(
    burner: int, fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path
) -> None:
    """Turns of 0.3 s: each has a look of its own, and somebody works on the processor."""
    measurer = RealMeasurer(
        launcher=fake_launcher(token_us=40_000.0),
        model=fake_model,
        logs_dir=tmp_path / "logs",
        work_dir=tmp_path / "work",
        seed=0,
    )
    found = measurer.measure(
        Candidate({"ctx-size": 4096}), plan_of(1, 3), arm="trial-0000", block=0, sink=lambda _: None
    )
    assert found.failure is None
    assert psutil.pid_exists(burner)
    machines = [r.machine for r in found.records]
    assert all(m is not None and (m.other_cores or 0) > 0.5 for m in machines)
    assert [r.mark for r in found.records] == ["contaminated"] * 3
    # A second in all says nothing of a measurement, as the machine is looked at once a second.
    assert not contaminated(found.records).spoiled
    longer = [replace(r, wall_s=2.0) for r in found.records]
    assert contaminated(longer).spoiled
