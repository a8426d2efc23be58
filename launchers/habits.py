"""What is unusual about an engine, for the few of which something is.

Most launchers say nothing here. One that has `habits` or can `forget` is recognised by that alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from autotune.launchers.protocol import Launcher, Server


@dataclass(frozen=True, slots=True)
class Habits:
    """How an engine answers, where that changes what can be measured.

    `pins_length`: a reply has exactly the length that was asked for. Where it may end before, a
    shorter one is no failure, prompts carry the recorded history, and time counts by the token.
    `bursts`: tokens leave in bursts, so the first text of a reply already holds several.
    """

    pins_length: bool = True
    bursts: bool = False


USUAL = Habits()


@runtime_checkable
class Peculiar(Protocol):
    """A launcher whose engine has habits of its own."""

    @property
    def habits(self) -> Habits:
        """What is unusual about its replies."""
        ...


@runtime_checkable
class Forgetful(Protocol):
    """A launcher whose engine reuses prompts with its cache off, unless it is made to forget."""

    def forget(self, server: Server) -> None:
        """Called before every request of the cold arm: leaves nothing that could be reused.

        It does not raise: the cached tokens of the request say whether it worked.
        """
        ...


def habits_of(launcher: Launcher) -> Habits:
    """The habits of `launcher`'s engine; the usual ones where it says nothing."""
    return launcher.habits if isinstance(launcher, Peculiar) else USUAL


def forget(launcher: Launcher, server: Server) -> None:
    """Make the engine forget, where it has to be made to."""
    if isinstance(launcher, Forgetful):
        launcher.forget(server)
