"""What an engine does that others do not is found by what its launcher has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autotune.launchers.habits import (
    Habits,
    export_env,
    forget,
    habits_of,
    wanted_variables,
)
from autotune.launchers.in_house import InHouseLauncher
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.launchers.registry import make_launcher


class Talkative(InHouseLauncher):
    """Bursts, ends when it likes, and counts how often it is told to forget."""

    habits = Habits(pins_length=False, bursts=True)
    forgotten = 0

    def forget(self, server: Server) -> None:
        self.forgotten += 1


def test_most_engines_have_the_usual_habits(fake_launcher: Callable[..., Launcher]) -> None:
    assert habits_of(fake_launcher()) == Habits(pins_length=True, bursts=False)


def test_a_launcher_says_what_is_unusual(fake_launcher: Callable[..., Launcher]) -> None:
    launcher = fake_launcher()
    assert isinstance(launcher, InHouseLauncher)
    own = Talkative(launcher.manifest, launcher._folder)
    assert habits_of(own) == Habits(pins_length=False, bursts=True)


def test_only_who_can_is_made_to_forget(fake_launcher: Callable[..., Launcher]) -> None:
    server = object.__new__(Server)
    launcher = fake_launcher()
    forget(launcher, server)
    assert isinstance(launcher, InHouseLauncher)
    own = Talkative(launcher.manifest, launcher._folder)
    forget(own, server)
    assert own.forgotten == 1


def test_most_engines_are_told_their_gpu_and_nothing_else(
    launch_context: Callable[..., LaunchContext], tmp_path: Path
) -> None:
    launcher, pin = make_launcher("llama-server"), {"ROCR_VISIBLE_DEVICES": "GPU-9"}
    amd = launch_context(tmp_path / "m", gpu_uuid="GPU-9", gpu_pin=pin)
    assert export_env(launcher, amd) == pin
    assert export_env(launcher, launch_context(tmp_path / "m")) == {}
    assert wanted_variables(launcher) == ()
