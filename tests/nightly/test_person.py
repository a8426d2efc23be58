"""When somebody last touched the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from autotune.nightly.person import graphical_idle_s, idle_s, run_command

NOW_S = 1_800_000_000.0


def told(**facts: str) -> str:
    usual = {"Type": "wayland", "State": "active", "IdleHint": "no", "IdleSinceHint": "0"}
    return "".join(f"{name}={value}\n" for name, value in {**usual, **facts}.items())


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({"IdleHint": "yes", "IdleSinceHint": "1799999100000000"}, 900.0),
        ({"IdleHint": "no", "IdleSinceHint": "1799999100000000"}, 0.0),
        ({}, None),
        ({"Type": "tty", "IdleHint": "yes", "IdleSinceHint": "1799999100000000"}, None),
        ({"State": "closing", "IdleSinceHint": "1799999100000000"}, None),
        ({"IdleSinceHint": ""}, None),
    ],
)
def test_a_desktop_tells_since_when_it_is_idle(
    facts: dict[str, str], seconds: float | None
) -> None:
    assert graphical_idle_s(told(**facts), NOW_S) == seconds


def running(answers: Mapping[str, str]) -> Callable[[Sequence[str]], str | None]:
    return lambda argv: answers.get(" ".join(argv))


@pytest.fixture
def terminals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Users on terminals that were last touched so many seconds ago."""

    def make(**ages_s: float) -> Path:
        users = [SimpleNamespace(terminal=name) for name in ages_s]
        users += [SimpleNamespace(terminal=None), SimpleNamespace(terminal="pts/99")]
        monkeypatch.setattr(psutil, "users", lambda: users)
        for name, age_s in ages_s.items():
            path = tmp_path / name
            path.touch()
            os.utime(path, (time.time() - age_s, time.time()))
        return tmp_path

    return make


def test_the_last_touch_is_what_counts(terminals: Callable[..., Path]) -> None:
    devices = terminals(tty1=4000.0, tty2=1000.0)
    found = idle_s(run=running({}), devices=devices)
    assert found == pytest.approx(1000.0, abs=60.0)
    since_us = round((time.time() - 500.0) * 1e6)
    sessions = {
        "loginctl list-sessions --no-legend": " 2 1000 me seat0 tty2\n\n",
        "loginctl show-session 2": told(IdleHint="yes", IdleSinceHint=str(since_us)),
    }
    found = idle_s(run=running(sessions), devices=devices)
    assert found == pytest.approx(500.0, abs=60.0)


def test_a_mac_tells_in_nanoseconds(terminals: Callable[..., Path]) -> None:
    text = '  | |   "HIDIdleTime" = 250000000000\n'
    run = running({"ioreg -c IOHIDSystem -d 4": text})
    assert idle_s(run=run, devices=terminals()) == 250.0


def test_nobody_there_is_not_known(terminals: Callable[..., Path]) -> None:
    assert idle_s(run=running({}), devices=terminals()) is None


def test_commands_that_are_not_there_or_fail_tell_nothing() -> None:
    assert run_command(["no-such-program-here"]) is None
    assert run_command(["sh", "-c", "echo x; exit 1"]) is None
    assert run_command(["sh", "-c", "echo x"]) == "x\n"
