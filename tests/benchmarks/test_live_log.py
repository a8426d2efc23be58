"""What a search was told is kept, and told again at its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from analytic_setup import analytic_setup, plan_of
from live_kept import Kept
from live_log import LaunchLog, kept_turns, pack, read_launches
from live_sides import Ask, Stopwatch
from ticking_machine import TickingMachine as Machine

from autotune.candidate import Candidate
from autotune.search.space import to_settings
from autotune.trial.measurement import never

DEFAULT_SETTINGS = to_settings(analytic_setup().space, analytic_setup().space.defaults)


def ask_of(arm: str, enough: Callable[[], bool] = never, got: list[Any] | None = None) -> Ask:
    sink = (lambda _: None) if got is None else got.append
    return Ask(Candidate(DEFAULT_SETTINGS), plan_of(sessions=1), arm, 0, sink, enough)


def kept_of(log: LaunchLog, machine: Machine, said: list[str] | None = None) -> Kept:
    say = list[str]().append if said is None else said.append
    return Kept(measurer=machine, log=log, clock=Stopwatch(ticks=machine.clock.now), say=say)


def test_what_was_measured_is_told_again_at_its_time(tmp_path: Path) -> None:
    machine, got = Machine(), list[Any]()
    with LaunchLog(tmp_path) as log:
        first = kept_of(log, machine)
        whole = first.measure(ask_of("trial-0000"))
        left = first.measure(ask_of("trial-0001", lambda: first.clock.now() > 26.0))
    # Six turns of 2 s and a load of 10 s, then another, left behind its third turn at 28 s.
    assert first.clock.now() == 22.0 + 3 * 2.0 + 10.0
    assert (len(left.records), left.whole) == (3, False)
    later = Machine()
    with LaunchLog(tmp_path) as log:
        again = kept_of(log, later)
        assert again.is_known
        same = again.measure(ask_of("trial-0000", got=got))
        assert [again.clock.now(), len(got)] == [22.0, 6]
        asked_at: list[float] = []

        def note() -> bool:
            asked_at.append(again.clock.now())
            return False

        cut = again.measure(ask_of("trial-0001", note))
        assert not again.is_known
    assert later.launches == []
    assert (same.records, same.seconds) == (whole.records, whole.seconds)
    assert (cut.records, cut.whole, cut.arm) == (left.records, False, "trial-0001")
    # Asked before each turn, and once more where it had been enough.
    assert asked_at == [22.0, 24.0, 26.0, 28.0]


def test_a_search_that_goes_another_way_is_measured_anew_from_there(tmp_path: Path) -> None:
    said: list[str] = []
    with LaunchLog(tmp_path) as log:
        first = kept_of(log, Machine())
        for number in range(3):
            first.measure(ask_of(f"trial-{number:04d}"))
    machine = Machine()
    with LaunchLog(tmp_path) as log:
        other = kept_of(log, machine, said)
        other.measure(ask_of("trial-0000"))
        other.measure(ask_of("trial-0001b"))
    assert [arm for arm, _ in machine.launches] == ["trial-0001b"]
    assert [launch.arm for launch in read_launches(tmp_path)] == ["trial-0000", "trial-0001b"]
    assert said == ["trial-0001b was another config before: measured anew from there"]
    arms = {r.arm for r in kept_turns(tmp_path)}
    assert arms == {"launch-0000", "launch-0001", "launch-0001~1", "launch-0002~1"}


def test_turns_of_a_launch_that_never_ended_do_not_count(tmp_path: Path) -> None:
    with LaunchLog(tmp_path) as log, pytest.raises(KeyboardInterrupt):
        kept_of(log, Machine(dies_at=0)).measure(ask_of("trial-0000"))
    with (tmp_path / "launches.jsonl").open("a") as out:
        out.write('{"number": 0, "ar')
    for _ in range(2):
        with LaunchLog(tmp_path) as log:
            assert log.launches == []
    assert [r.arm for r in kept_turns(tmp_path)] == ["launch-0000~1"] * 3


def test_packed_turns_are_read_as_they_were(tmp_path: Path) -> None:
    with LaunchLog(tmp_path) as log:
        kept_of(log, Machine()).measure(ask_of("trial-0000"))
    before = list(kept_turns(tmp_path))
    for _ in range(2):
        pack(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["launches.jsonl", "turns.jsonl.gz"]
    assert list(kept_turns(tmp_path)) == before
    pack(tmp_path / "nothing")


def test_a_failure_is_told_again_with_all_that_was_learnt_of_it(tmp_path: Path) -> None:
    settings = {**DEFAULT_SETTINGS, "ubatch-size": 1024}
    ask = replace(ask_of("trial-0000"), candidate=Candidate(settings))
    with LaunchLog(tmp_path) as log:
        found = kept_of(log, Machine()).measure(ask)
    with LaunchLog(tmp_path) as log:
        again = kept_of(log, Machine()).measure(ask)
    assert found.failure is not None
    assert again.failure == found.failure
