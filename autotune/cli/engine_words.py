"""What the settings say of engines, sorted by engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autotune.config.settings import EngineSettings
from autotune.errors import UserError

if TYPE_CHECKING:
    from autotune.candidate import Setting
    from autotune.search.contest.request import EngineWords
    from autotune.search.request import RunRequest


def engine_words(
    settings: EngineSettings,
    pins: Mapping[str, Setting],
    fixes: Mapping[str, Setting] | None = None,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
) -> EngineWords:
    """What `settings`, ``--set``, ``--fix`` and ``[space.parameters]`` say.

    Raises `UserError` when no engine is named.
    """
    from autotune.search.contest.request import EngineWords

    engines = tuple(name.strip() for name in settings.engine.split(",") if name.strip())
    if not engines:
        raise UserError(
            f"--engine {settings.engine!r} names no engine", "see autotune engine list for names"
        )
    return EngineWords(
        engines=engines,
        models=settings.model or {},
        paths=settings.engine_path or {},
        pins=pins,
        fixes=fixes or {},
        tables=tables or {},
    )


def engine_requests(settings: EngineSettings) -> dict[str, RunRequest]:
    """What a run would ask of each engine that `settings` name, without a workload."""
    from pathlib import Path

    from autotune.search.contest.request import ContestRequest, make_request
    from autotune.search.request import RunRequest

    request = make_request(
        RunRequest(workload=Path(), gpu=settings.gpu), engine_words(settings, {})
    )
    if isinstance(request, ContestRequest):
        return {entrant.label: entrant.request for entrant in request.entrants}
    return {request.engine: request}
