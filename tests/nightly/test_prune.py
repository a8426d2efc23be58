"""Disk growth is bounded, and what the live config stands on stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.errors import MachineError
from autotune.nightly.night_record import Night
from autotune.nightly.nights import Nights
from autotune.nightly.prune import (
    Pruned,
    PruneRule,
    nightly_studies,
    prune,
    prune_schedule_log,
    schedule_log,
    state_folder,
    study_name,
)
from autotune.study.lock import study_lock

ALL = PruneRule(studies=99, nights=99, log_bytes=10**9)


@pytest.fixture
def studies_dir(tmp_path: Path) -> Path:
    return tmp_path / "studies"


@pytest.fixture
def make_study(studies_dir: Path) -> Callable[..., Path]:
    """A study of the night of that day in November, with logs of 100 bytes as old as it."""

    def make(day: int, target: str = "coder", logs: int = 2) -> Path:
        folder = studies_dir / study_name(target, f"2026-11-{day:02d}T02-30-11Z")
        (folder / "logs").mkdir(parents=True)
        (folder / "provenance.json").write_text("{}")
        for number in range(logs):
            log = folder / "logs" / f"trial-{number:04d}.log"
            log.write_bytes(b"x" * 100)
            os.utime(log, (day * 100 + number, day * 100 + number))
        return folder

    return make


def test_the_newest_studies_stay(studies_dir: Path, make_study: Callable[..., Path]) -> None:
    folders = [make_study(day) for day in (3, 1, 2)]
    pruned = prune(studies_dir, "coder", PruneRule(studies=1, nights=9, log_bytes=10**9), set())
    assert pruned.studies == (folders[1].name, folders[2].name)
    assert pruned.freed_bytes >= 2 * 202
    assert [s.path for s in nightly_studies(studies_dir, "coder")] == [folders[0]]


def test_a_comparison_goes_with_the_study_beside_which_it_was_made(
    studies_dir: Path, make_study: Callable[..., Path]
) -> None:
    old, new = make_study(1), make_study(2)
    for folder in (old, new):
        folder.with_name(f"{folder.name}-models").mkdir()
    (studies_dir / "mine-models").mkdir()
    rule = PruneRule(studies=1, nights=9, log_bytes=10**9)
    gone = (old.name, f"{old.name}-models")
    assert prune(studies_dir, "coder", rule, set(), dry_run=True).studies == gone
    assert prune(studies_dir, "coder", rule, set()).studies == gone
    left = {path.name for path in studies_dir.iterdir()}
    assert left == {new.name, f"{new.name}-models", "mine-models"}


def test_what_the_live_config_stands_on_stays(
    studies_dir: Path, make_study: Callable[..., Path], make_night: Callable[..., Night]
) -> None:
    live, other = make_study(23), make_study(24)
    nights = Nights.of(state_folder(studies_dir, "coder"))
    for day in (0, 1):
        nights.write(make_night(day))
    nothing = PruneRule(studies=0, nights=0, log_bytes=0)
    pruned = prune(studies_dir, "coder", nothing, {live.name})
    assert pruned.studies == (other.name,)
    assert pruned.nights == ("2026-11-24T02-30-11Z",)
    assert nights.stamps() == ("2026-11-23T02-30-11Z",)
    assert len(list((live / "logs").iterdir())) == 2


def test_only_studies_of_this_targets_nights_are_touched(
    studies_dir: Path, make_study: Callable[..., Path]
) -> None:
    mine = make_study(1)
    others = [make_study(1, "coder-2"), make_study(1, "code")]
    for name in ("my-study", "nightly-coder", "nightly-coder-best", "nightly-coder-2026-11-01"):
        others.append(studies_dir / name)
        others[-1].mkdir()
    pruned = prune(studies_dir, "coder", PruneRule(studies=0, nights=0, log_bytes=0), set())
    assert pruned.studies == (mine.name,)
    assert all(path.is_dir() for path in others)


def test_a_study_that_is_tuned_now_stays(
    studies_dir: Path, make_study: Callable[..., Path]
) -> None:
    folder = make_study(1)
    with study_lock(folder / ".lock"):
        pruned = prune(studies_dir, "coder", PruneRule(studies=0, nights=0, log_bytes=0), set())
    assert pruned == Pruned()
    assert len(list((folder / "logs").iterdir())) == 2


def test_the_oldest_logs_go_first(studies_dir: Path, make_study: Callable[..., Path]) -> None:
    older, newer = make_study(1), make_study(2)
    rule = PruneRule(studies=9, nights=9, log_bytes=250)
    pruned = prune(studies_dir, "coder", rule, set())
    assert (pruned.logs, pruned.freed_bytes, pruned.studies) == (2, 200, ())
    assert list((older / "logs").iterdir()) == []
    assert len(list((newer / "logs").iterdir())) == 2
    assert prune(studies_dir, "coder", rule, set()) == Pruned()


def test_a_dry_run_tells_and_touches_nothing(
    studies_dir: Path, make_study: Callable[..., Path], make_night: Callable[..., Night]
) -> None:
    folder = make_study(1)
    nights = Nights.of(state_folder(studies_dir, "coder"))
    nights.write(make_night())
    nothing = PruneRule(studies=0, nights=0, log_bytes=0)
    told = prune(studies_dir, "coder", nothing, set(), dry_run=True)
    assert folder.is_dir()
    assert nights.stamps()
    done = prune(studies_dir, "coder", nothing, set())
    assert (done.studies, done.nights) == (told.studies, told.nights) != ((), ())
    assert not folder.exists()
    assert nights.stamps() == ()


def test_what_a_killed_prune_left_goes(studies_dir: Path, make_study: Callable[..., Path]) -> None:
    left = make_study(1)
    half = studies_dir / f".pruned-{left.name}"
    left.rename(half)
    night = state_folder(studies_dir, "coder") / "nights" / ".pruned-2026-11-01T02-30-11Z"
    night.mkdir(parents=True)
    prune(studies_dir, "coder", ALL, set())
    assert not half.exists()
    assert not night.exists()


def test_nothing_there_is_nothing_to_do(studies_dir: Path) -> None:
    assert not prune(studies_dir, "coder", PruneRule(studies=0, nights=0, log_bytes=0), set())


def test_a_disk_that_refuses_is_told(
    studies_dir: Path, make_study: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_study(1)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(MachineError, match=f"cannot remove {folder}: Permission denied"):
        prune(studies_dir, "coder", PruneRule(studies=0, nights=0, log_bytes=0), set())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    days=st.sets(st.integers(1, 28), max_size=8),
    kept=st.sets(st.integers(1, 28), max_size=3),
    count=st.integers(0, 5),
)
def test_no_more_than_the_rule_and_what_is_kept(
    tmp_path_factory: pytest.TempPathFactory, days: set[int], kept: set[int], count: int
) -> None:
    studies_dir = tmp_path_factory.mktemp("studies")
    names = {day: study_name("coder", f"2026-11-{day:02d}T02-30-11Z") for day in days | kept}
    for day in days:
        (studies_dir / names[day]).mkdir()
    rule = PruneRule(studies=count, nights=0, log_bytes=0)
    prune(studies_dir, "coder", rule, {names[day] for day in kept})
    newest = set(sorted(days)[len(days) - min(count, len(days)) :])
    left = {s.name for s in nightly_studies(studies_dir, "coder")}
    assert left == {names[day] for day in newest | (kept & days)}


def test_the_schedules_log_loses_its_oldest_lines(studies_dir: Path) -> None:
    path = schedule_log(studies_dir)
    assert prune_schedule_log(studies_dir, 10) == 0
    path.parent.mkdir(parents=True)
    path.write_text("first\nsecond\nthird\n")
    assert prune_schedule_log(studies_dir, 100) == 0
    with path.open("a") as night:  # the night that prunes appends to it
        assert prune_schedule_log(studies_dir, 10, dry_run=True) == 13
        assert prune_schedule_log(studies_dir, 10) == 13
        night.write("fourth\n")
    assert path.read_text() == "third\nfourth\n"
