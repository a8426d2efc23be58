"""As much of Ray as the driver of a cluster run uses, with actors that answer from a script.

Real clusters are in ``tests/scale/test_ray_nodes.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest


class RayError(Exception):
    """Base of Ray's errors."""


class AuthenticationError(RayError):
    """The token is wrong."""


class RayActorError(RayError):
    """An actor did not answer."""

    def __init__(self, text: str = "", actor_init_failed: bool = False) -> None:
        super().__init__(text)
        self.actor_init_failed = actor_init_failed


class ActorDiedError(RayActorError):
    """It never will."""


class ActorUnavailableError(RayActorError):
    """It may later."""


Answer = dict[str, Any] | Exception


def news(life: str, *rows: dict[str, Any], ended: bool = False) -> dict[str, Any]:
    """What an actor answers."""
    return {"life": life, "rows": list(rows), "ended": ended}


class Remote:
    """``actor.method.remote(...)``."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call


@dataclass(eq=False)
class Actor:
    """Answers from its script; with an empty one it never does."""

    settings: dict[str, Any]
    options: dict[str, Any]
    script: list[Answer]
    asked: list[tuple[str, int]] = field(default_factory=list)
    stops: list[bool] = field(default_factory=list)
    kills: list[bool] = field(default_factory=list)
    on_stop: list[Answer] = field(default_factory=list)

    @property
    def news(self) -> Remote:
        return Remote(self._news)

    @property
    def stop(self) -> Remote:
        return Remote(self._stop)

    def _news(self, life: str, seen: int) -> Ask:
        self.asked.append((life, seen))
        return Ask(self)

    def _stop(self, at_once: bool) -> None:
        self.stops.append(at_once)
        self.script += self.on_stop
        self.on_stop = []


@dataclass(eq=False)
class Ask:
    """A question that was put to an actor."""

    actor: Actor


class FakeRay(ModuleType):
    """The module ``ray``."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.scripts: dict[int, list[Answer]] = {}
        self.on_stop: dict[int, list[Answer]] = {}
        self.actors: dict[int, Actor] = {}
        self.on_wait: Callable[[], None] = lambda: None
        self.inits: list[dict[str, Any]] = []
        self.shutdowns = 0
        self.init_error: Exception | None = None
        self.rows: list[dict[str, Any]] = []

    def init(self, **options: Any) -> None:
        self.inits.append(options)
        if self.init_error is not None:
            raise self.init_error

    def shutdown(self) -> None:
        self.shutdowns += 1

    def nodes(self) -> list[dict[str, Any]]:
        return self.rows

    def remote(self, kind: type[Any]) -> Any:
        ray = self

        class Made:
            @staticmethod
            def options(**options: Any) -> Any:
                def make(text: str) -> Actor:
                    settings = json.loads(text)
                    slot = int(settings["slot"])
                    actor = Actor(settings, options, ray.scripts.get(slot, []))
                    actor.on_stop = ray.on_stop.get(slot, [])
                    ray.actors[slot] = actor
                    return actor

                return Remote(make)

        return Made

    def wait(
        self, asks: list[Ask], num_returns: int, timeout: float
    ) -> tuple[list[Ask], list[Ask]]:
        self.on_wait()
        ready = [ask for ask in asks if ask.actor.script][:num_returns]
        return ready, [ask for ask in asks if ask not in ready]

    def get(self, ask: Ask) -> Any:
        answer = ask.actor.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self, actor: Actor, no_restart: bool = True) -> None:
        actor.kills.append(no_restart)


def install(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """Put it where ``import ray`` finds it."""
    ray, exceptions = FakeRay(), ModuleType("ray.exceptions")
    for kind in (
        RayError,
        AuthenticationError,
        RayActorError,
        ActorDiedError,
        ActorUnavailableError,
    ):
        setattr(exceptions, kind.__name__, kind)
    ray.exceptions = exceptions  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.exceptions", exceptions)
    return ray
