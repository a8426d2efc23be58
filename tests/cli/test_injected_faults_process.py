"""``autotune run`` on an engine that has no memory for a third of its space, hangs and dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_run import FaultyRun

from autotune.errors import ExitCode


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyRun]:
    """A whole run, its faults thrown by seed 7; a silence of two seconds is taken for a hang."""
    made = FaultyRun(
        tmp_path_factory.mktemp("broken"), seed=7, hang=0.06, crash=0.2, short_memory=True,
        least_s=2.0,
    )  # fmt: skip
    done = made.start("--trials", "6", "--budget", "20s", "--confirm-blocks", "1", "--no-hold")
    assert "Traceback" not in done.stderr
    # On a machine with much else to do, one block may not tell the winner from noise.
    assert done.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), done.stderr
    yield made
    for pid in made.engines():
        os.kill(pid, signal.SIGKILL)


def test_no_process_is_left(broken: FaultyRun) -> None:
    assert broken.engines() == []


def test_faults_came_to_pass_and_each_is_told_as_what_it_was(broken: FaultyRun) -> None:
    kinds = {row["kind"] for row in broken.launches() if row.get("struck")}
    assert {"crash", "hang"} <= kinds
    assert broken.misclassified() == []


def test_what_wins_is_what_wins_without_faults(broken: FaultyRun) -> None:
    """A large batch on one slot: nothing else makes this engine faster, and faults do not count.

    How far a search comes in its seconds is the machine's to say.
    """
    result = broken.study.read_result()
    assert result is not None
    complete = [row for row in broken.study.read_trials() if row["state"] == "complete"]
    assert complete
    assert all(row["failure"] is None for row in complete)
    if (winner := result["winner"]) is not None:
        settings = winner["full_settings"]
        assert settings["ubatch-size"] > 512
        assert settings["parallel"] == 1
        assert any(row["settings"] == {**row["settings"], **settings} for row in complete)


def test_the_time_is_kept_and_every_second_accounted(broken: FaultyRun) -> None:
    result = broken.study.read_result()
    assert result is not None
    seconds = dict(result["summary"]["seconds"])
    total_s = seconds.pop("total")
    assert sum(seconds.values()) == pytest.approx(total_s, abs=0.05)
    # One launch may be under way when the time is up.
    longest_s = max(sum(row["seconds"].values()) for row in broken.study.read_trials())
    assert total_s <= 1.05 * 20.0 + longest_s


def test_a_second_launch_is_noted_by_its_own_fault(tmp_path: Path) -> None:
    run = FaultyRun(tmp_path)
    (tmp_path / "launches.jsonl").write_text(
        '{"trial": "trial-0001-b0", "kind": "crash", "planned": "die-mid-stream=1"}\n'
        '{"trial": "trial-0001-b0", "kind": "crash", "struck": true}\n'
        '{"trial": "trial-0001-b0", "kind": null, "planned": ""}\n'
        '{"trial": "trial-0002-b0", "kind": "hang", "planned": "hang-mid-stream=1"}\n'
        '{"trial": "trial-0002-b0", "kind": "hang", "struck": true}\n',
        encoding="utf-8",
    )
    assert run.struck() == {"trial-0002-b0": "hang"}
