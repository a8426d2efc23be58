"""What a serving path is: an endpoint to attach to, or an engine to launch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.candidate import Setting
from autotune.paths.prices import Prices
from autotune.replay.dialect import Api
from autotune.replay.endpoint import Rendering


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedPath:
    """A server that somebody else runs, here or far away.

    Attributes:
        url: with or without ``/v1``; never with a key in it.
        api: ``None`` takes what the service is known for, chat completions else.
        model: ``None`` takes the only one that the server has.
        key, key_name: the key and the environment variable that it came from.
        headers: extra ones; `secrets` are those values that must not show.
        provider: OpenRouter's slug of the only provider that may serve.
        prices: ``None`` asks a service that publishes them.
        max_cost_usd: what all requests of this path together may cost.
    """

    name: str
    url: str
    api: Api | None = None
    model: str | None = None
    key: str | None = field(default=None, repr=False)
    key_name: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    provider: str | None = None
    prices: Prices | None = None
    max_cost_usd: float | None = None
    rendering: Rendering | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedPath:
    """An engine that is started for the measurement and stopped behind it.

    `settings` are given to it by flag name; ``{}`` is the engine's own defaults. `origin` says
    where they come from. `tuned_sha256` is the build that they were tuned on, where they were.
    """

    name: str
    engine: str
    model: Path
    engine_path: Path | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    origin: str = "the engine's defaults"
    tuned_sha256: str | None = None
    rendering: Rendering | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this path and no other."""
        return {
            "kind": "launched",
            "engine": self.engine,
            "model": str(self.model),
            "settings": dict(self.settings),
        }


ServingPath = AttachedPath | LaunchedPath
