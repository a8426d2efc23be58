"""The live comparison without an engine: a made-up one answers, on a clock that it moves itself."""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from analytic_setup import WORTH, analytic_setup, seconds_of
from live_figures import figures, markdown, overall
from live_final import DEFAULT, OURS, RANDOM, Final
from live_log import kept_turns, launch_arm, read_launches
from live_progress import Progress
from live_search import LiveFolder, main, require_alone
from live_seed import SeedRun
from live_setup import LiveSetup
from live_sides import Stopwatch
from ticking_machine import TickingMachine as Machine

from autotune.errors import UserError
from autotune.search.space import to_settings
from autotune.study.lock import study_lock
from autotune.trial.measurement import Measurer

BUDGET_S = 900.0
DEFAULT_SETTINGS = to_settings(analytic_setup().space, analytic_setup().space.defaults)


def make(_: int, measurer: Measurer, clock: Stopwatch) -> LiveSetup:
    base = analytic_setup()
    return LiveSetup(
        base.space, base.search_plan, base.confirm_plan, base.judge, base.feasibility, measurer,
        clock,
    )  # fmt: skip


def seed_run(folder: Path, machine: Machine, say: Callable[[str], None] = print) -> SeedRun:
    return SeedRun(
        folder=folder,
        seed=3,
        make=make,
        measurer=machine,
        budget_s=BUDGET_S,
        blocks=2,
        cores=2,
        progress=Progress(seeds=1, budget_s=BUDGET_S, blocks=2, say=say, seed=1),
        ticks=machine.clock.now,
    )


@dataclass(frozen=True)
class Done:
    """A seed from begin to end; `lines` are its progress."""

    folder: Path
    found: dict[str, Any]
    machine: Machine
    lines: list[str]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder, machine, lines = tmp_path_factory.mktemp("seed"), Machine(), list[str]()
    return Done(folder, seed_run(folder, machine, lines.append).run(), machine, lines)


def test_both_searches_have_their_time_and_their_picks_are_compared(done: Done) -> None:
    ours, random = done.found["searches"][OURS], done.found["searches"][RANDOM]
    # The slowest config takes 82 s: random begins its last one within the budget.
    assert BUDGET_S <= random["used_s"] <= BUDGET_S + 82.0
    assert ours["used_s"] <= 1.05 * BUDGET_S
    arms = done.found["final"]["arms"]
    for found, arm in ((ours, arms[OURS]), (random, arms[RANDOM])):
        turn_s = seconds_of(found["settings"])
        assert turn_s is not None
        assert arm["turn_s"] == pytest.approx(WORTH * turn_s)
        assert turn_s < seconds_of(DEFAULT_SETTINGS)  # type: ignore[operator]
    versus = done.found["final"]["versus"]["ours/random"]
    assert versus["ratio"] == pytest.approx(arms[RANDOM]["turn_s"] / arms[OURS]["turn_s"])
    # Engines are measured in one thread, this one.
    assert done.machine.threads == {threading.get_ident()}


def test_searches_are_never_further_apart_than_a_launch(done: Done) -> None:
    assert [arm for arm, _ in done.machine.launches[:2]] == ["trial-0000", "trial-0000"]
    told = (re.search(r"ours (\d+), random (\d+) of 900 s", line) for line in done.lines)
    used = [(int(found[1]), int(found[2])) for found in told if found is not None]
    assert len(used) > 10
    assert all(abs(one - other) <= 83 for one, other in used if max(one, other) < BUDGET_S)


def test_what_is_done_is_not_measured_again(done: Done) -> None:
    machine = Machine()
    assert seed_run(done.folder, machine).run() == done.found
    assert machine.launches == []
    names = sorted(p.name for p in (done.folder / OURS).iterdir())
    assert names == ["launches.jsonl", "turns.jsonl.gz"]
    launches = list(read_launches(done.folder / OURS))
    turns = {r.arm for r in kept_turns(done.folder / OURS)}
    assert turns <= {launch_arm(launch.number) for launch in launches}
    finals = {r.arm for r in kept_turns(done.folder / "final")}
    assert finals <= {f"final-{name}" for name in (OURS, RANDOM, DEFAULT)}


@pytest.mark.parametrize("dies_at", [0, 1, 7, 20])
def test_a_seed_that_was_killed_ends_as_if_it_had_not_been(
    tmp_path: Path, done: Done, dies_at: int
) -> None:
    machine = Machine(dies_at=dies_at)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        seed_run(tmp_path, machine).run()
    assert threading.active_count() == before
    later = Machine()
    found = seed_run(tmp_path, later).run()
    assert found == done.found
    assert len(machine.launches) + len(later.launches) == len(done.machine.launches) + 1


def test_a_kill_between_blocks_repeats_none(tmp_path: Path, done: Done) -> None:
    alone = done.machine.launches
    machine = Machine(dies_at=len(alone) - 1)
    with pytest.raises(KeyboardInterrupt):
        seed_run(tmp_path, machine).run()
    later = Machine()
    found = seed_run(tmp_path, later).run()
    assert later.launches == alone[-1:]
    assert found["final"]["versus"] == done.found["final"]["versus"]


def test_progress_says_how_long_it_takes() -> None:
    said: list[str] = []
    progress = Progress(seeds=2, budget_s=100.0, blocks=2, say=said.append)
    progress.begin(1)
    progress.searched("ours trial-0000 5.0 s", 5.0, {OURS: 5.0, RANDOM: 0.0})
    # 95 + 100 s of this seed's searches, 3 arms in 2 blocks of 5 s, and 200 + 30 s of the next.
    assert progress.left_s(195.0) == 195.0 + 30.0 + 230.0
    assert said == [
        "seed 1 of 2: ours trial-0000 5.0 s; ours 5, random 0 of 100 s used; 7m 35s left"
    ]
    progress.begin(2)
    progress.compared("head to head")
    assert progress.left_s(0.0) == 25.0


# --- head to head ---------------------------------------------------------------------------


def final_of(folder: Path, machine: Machine, ours: Any, random: Any) -> Final:
    return Final(
        setup=make(0, machine, Stopwatch(ticks=machine.clock.now)),
        measurer=machine,
        folder=folder,
        picks={OURS: ours, RANDOM: random, DEFAULT: DEFAULT_SETTINGS},
        blocks=2,
        seed=0,
        cores=2,
        progress=Progress(seeds=1, budget_s=BUDGET_S, blocks=2, say=lambda _: None),
    )


def test_arms_turn_around_from_block_to_block(tmp_path: Path) -> None:
    machine = Machine()
    slots = {**DEFAULT_SETTINGS, "parallel": 1}
    found = final_of(tmp_path, machine, slots, {**DEFAULT_SETTINGS, "ubatch-size": 256}).run()
    assert machine.launches == [
        ("final-ours", 0), ("final-default", 0), ("final-random", 0),
        ("final-random", 1), ("final-default", 1), ("final-ours", 1),
    ]  # fmt: skip
    # One slot takes 0.8 of the default's time, a batch of 256 takes 1.2 of it.
    ratios = {name: said["ratio"] for name, said in found["versus"].items()}
    assert ratios == pytest.approx(
        {"ours/random": 1.2 / 0.8, "ours/default": 1 / 0.8, "random/default": 1 / 1.2}
    )
    assert found["noise_floor"] == pytest.approx(0.0, abs=1e-9)
    assert found["versus"]["ours/random"]["low"] == pytest.approx(1.5)


def test_equal_picks_are_measured_once(tmp_path: Path) -> None:
    machine = Machine()
    slots = {**DEFAULT_SETTINGS, "parallel": 1}
    found = final_of(tmp_path, machine, slots, dict(slots)).run()
    assert {arm for arm, _ in machine.launches} == {"final-ours", "final-default"}
    assert found["versus"]["ours/random"] == {"ratio": 1.0, "low": 1.0, "high": 1.0, "same": True}
    assert found["arms"][RANDOM]["measured_as"] == OURS
    kept = final_of(tmp_path / "kept", machine, dict(DEFAULT_SETTINGS), slots)
    assert kept.stands_for(DEFAULT) == OURS
    assert kept.run()["versus"]["ours/random"]["ratio"] == pytest.approx(0.8)


def test_a_pick_that_fails_has_no_ratio(tmp_path: Path) -> None:
    broken = {**DEFAULT_SETTINGS, "ubatch-size": 1024}
    found = final_of(tmp_path, Machine(), dict(DEFAULT_SETTINGS), broken).run()
    assert found["versus"]["ours/random"]["ratio"] is None
    assert found["arms"][RANDOM]["turn_s"] is None
    assert list(found["failed"]) == [RANDOM]


# --- figures --------------------------------------------------------------------------------


def said(
    ratio: float | None, low: float | None = None, high: float | None = None
) -> dict[str, Any]:
    return {"ratio": ratio, "low": low, "high": high, "same": ratio == low == high == 1.0}


def test_seeds_together_are_a_geometric_mean_with_students_t() -> None:
    found = overall([said(1.0, 1.0, 1.0), said(2.0, 1.5, 2.5), said(4.0, 3.0, 5.0), said(None)])
    assert found["ratio"] == pytest.approx(2.0)
    # Logs 0, ln 2, 2 ln 2: deviation ln 2, so the error is ln 2 / sqrt(3); t(0.975, 2) = 4.3027.
    far = 4.302653 * math.log(2) / math.sqrt(3)
    assert found["low"] == pytest.approx(2.0 * math.exp(-far), rel=1e-5)
    assert found["high"] == pytest.approx(2.0 * math.exp(far), rel=1e-5)
    assert (found["seeds"], found["absent"]) == (3, 1)
    assert (found["faster"], found["slower"], found["same"]) == (2, 0, 1)


def test_one_seed_has_no_interval() -> None:
    found = overall([said(0.8, 0.7, 0.9)])
    assert (found["ratio"], found["low"], found["slower"]) == (pytest.approx(0.8), None, 1)
    assert overall([said(None)])["ratio"] is None


FACTS = {
    "engine": {"name": "llama-server", "version": "b1"},
    "model": {"file": "m.gguf"},
    "machine": {"cpu": "a processor", "cores": 2},
    "workload": {"sessions": 4, "turns": 6, "start_depth": 420, "depth": 720, "reply_tokens": 32},
    "parameters": 12,
    "budget_s": 240.0,
    "blocks": 4,
}


def test_the_readme_is_made_from_the_figures(done: Done) -> None:
    result = done.found
    found = figures(FACTS, [result, {**result, "seed": 4}])
    assert "settings" not in found["seeds"][0]["searches"][OURS]
    assert json.loads(json.dumps(found)) == found
    text = "\n".join(markdown(found))
    ratio = result["final"]["versus"]["ours/random"]["ratio"]
    assert "with 4m 00s of wall time for each search" in text
    assert f"{ratio:.3f} times" in text or "the same config" in text
    assert "the geometric mean over 2 seeds" in text
    assert text.count("| 3 |") == 1 + 2
    assert "make live-search" in text


def test_a_folder_is_shown_without_measuring(
    tmp_path: Path, done: Done, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--show"]) == 2
    assert "no seed" in capsys.readouterr().err
    folder = LiveFolder(tmp_path)
    folder.begin(FACTS)
    folder.seed(3).mkdir(parents=True)
    (folder.seed(3) / "result.json").write_text(json.dumps(done.found))
    assert main([str(tmp_path), "--show", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "figures.json").read_text())
    assert told["overall"]["ours/random"]["seeds"] == 1
    assert (tmp_path / "README.md").read_text().startswith("# Ours against")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    folder = LiveFolder(tmp_path)
    folder.check(FACTS)  # nothing is there yet
    folder.begin(FACTS)
    folder.begin(FACTS)
    with pytest.raises(UserError, match="budget_s, blocks differ"):
        folder.begin({**FACTS, "budget_s": 60.0, "blocks": 2})
    (tmp_path / "live.json").write_text("{}")
    with pytest.raises(UserError, match="not a live comparison"):
        folder.facts()


def test_another_study_on_the_machine_is_waited_for(tmp_path: Path) -> None:
    require_alone(tmp_path / "mine")
    running = pytest.raises(UserError, match="is running study other")
    with study_lock(tmp_path / "other" / ".lock"), running:
        require_alone(tmp_path / "mine")
    require_alone(tmp_path / "mine")


@pytest.mark.parametrize("more", [["--budget", "soon"], ["--budget", "0s"], ["--seeds", "0"]])
def test_what_cannot_be_asked_is_refused(more: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path), *more])
    assert ended.value.code == 2


@pytest.fixture(scope="module", autouse=True)
def _same_code() -> Iterator[None]:
    """Somebody may be at work on the code while a test runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("live_seed.code_digest", lambda: "code")
        yield
