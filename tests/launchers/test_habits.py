"""What an engine does that others do not is found by what its launcher has."""

from __future__ import annotations

from collections.abc import Callable

from autotune.launchers.habits import Habits, forget, habits_of
from autotune.launchers.in_house import InHouseLauncher
from autotune.launchers.protocol import Launcher, Server


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
