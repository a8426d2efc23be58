"""What is unusual about an engine, for the few of which something is.

Most launchers say nothing here. One that has `habits` or can `forget` is recognised by that alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from autotune.candidate import Setting
from autotune.launchers.environment import gpu_variables
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.scoring.reuse_model import CacheShape, EngineNote


@dataclass(frozen=True, slots=True)
class Habits:
    """How an engine answers, where that changes what can be measured.

    `pins_length`: a reply has exactly the length that was asked for. Where it may end before, a
    shorter one is no failure, prompts carry the recorded history, and time counts by the token.
    `bursts`: tokens leave in bursts, so the first text of a reply already holds several.
    `continues_only`: a prompt is reused only together with the reply that the engine gave to it, so
    recorded replies would leave nothing to reuse.
    `alone`: it refuses to run beside another of its kind.
    """

    pins_length: bool = True
    bursts: bool = False
    continues_only: bool = False
    alone: bool = False


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


@runtime_checkable
class Timed(Protocol):
    """A launcher whose engine says how long it worked in places of its own."""

    @property
    def timing_paths(self) -> Mapping[str, tuple[str, float]]:
        """``prefill`` and ``decode``: dotted path in the last chunks, seconds in its unit."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A launcher that can tell an engine that runs from one that has given up inside."""

    def healthy(self, server: Server) -> bool:
        """Asked after a reply that failed, never while something is measured."""
        ...


@runtime_checkable
class Tokenizing(Protocol):
    """A launcher whose engine says which tokens a prompt is made of."""

    def tokenize(
        self,
        server: Server,
        messages: tuple[Mapping[str, Any], ...],
        tools: tuple[Any, ...],
        fields: Mapping[str, Any],
    ) -> list[int] | None:
        """The prompt's token numbers after the chat template; ``None`` if it cannot.

        `fields` is what the request carried besides: some of it decides what the template does.
        """
        ...


@runtime_checkable
class TextTokenizing(Protocol):
    """A launcher whose engine says which tokens a text is, without a template."""

    def tokenize_text(self, server: Server, text: str) -> list[int] | None:
        """The token numbers of `text` alone; ``None`` if it cannot."""
        ...


@runtime_checkable
class Keeping(Protocol):
    """A launcher that knows how its engine keeps prefixes."""

    def cache_shape(self, server: Server, settings: Mapping[str, Setting]) -> CacheShape:
        """The prefix cache under `settings`, asked while `server` runs."""
        ...


@runtime_checkable
class Narrating(Protocol):
    """A launcher whose engine logs for every request what it reused and from where."""

    def reuse_notes(self, log_text: str) -> tuple[EngineNote, ...]:
        """A note for each request, in the order in which they were begun."""
        ...


@runtime_checkable
class Surrounded(Protocol):
    """A launcher whose engine is told more by its environment than which GPU to use."""

    def export_env(self, context: LaunchContext) -> Mapping[str, str]:
        """What a person sets to serve: nothing private to a trial, no secret."""
        ...

    @property
    def wanted_variables(self) -> tuple[str, ...]:
        """Names of variables whose values are the person's own and are written nowhere."""
        ...


def export_env(launcher: Launcher, context: LaunchContext) -> Mapping[str, str]:
    """The environment that belongs to `launcher.export_argv`; for most, what pins the GPU."""
    if isinstance(launcher, Surrounded):
        return launcher.export_env(context)
    return gpu_variables(context)


def wanted_variables(launcher: Launcher) -> tuple[str, ...]:
    """Variables that an engine needs from whoever starts it; for most there are none."""
    return launcher.wanted_variables if isinstance(launcher, Surrounded) else ()


def timing_paths_of(launcher: Launcher) -> Mapping[str, tuple[str, float]]:
    """Where the engine's own times are, if not in the usual places."""
    return launcher.timing_paths if isinstance(launcher, Timed) else {}


def alive(launcher: Launcher, server: Server) -> bool:
    """Whether the engine's process runs, and is well as far as it can be asked."""
    if server.process.poll() is not None:
        return False
    return not isinstance(launcher, Telling) or launcher.healthy(server)


def habits_of(launcher: Launcher) -> Habits:
    """The habits of `launcher`'s engine; the usual ones where it says nothing."""
    return launcher.habits if isinstance(launcher, Peculiar) else USUAL


def forget(launcher: Launcher, server: Server) -> None:
    """Make the engine forget, where it has to be made to."""
    if isinstance(launcher, Forgetful):
        launcher.forget(server)
