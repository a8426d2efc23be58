"""What is said of a run, as the request that the search takes."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING

from autotune.cli.engine_words import engine_words
from autotune.cli.user_cache import noise_folder
from autotune.config.settings import Settings
from autotune.errors import UserError

if TYPE_CHECKING:
    from autotune.search.contest.request import ContestRequest
    from autotune.search.request import RunRequest

_RENAMED = {"budget": "budget_s"}
_BY_ENGINE = {"engine", "engine_path", "model"}


def request_of(settings: Settings) -> RunRequest | ContestRequest:
    """What `settings` ask of one engine, or of several. Raises `UserError` without a workload."""
    from autotune.search.contest.request import make_request
    from autotune.search.request import RunRequest

    if settings.workload is None:
        raise UserError(
            "no workload: nothing says which sessions to replay",
            "give --workload PATH; autotune captures synthesize makes one to try",
        )
    said = {_RENAMED.get(n, n): getattr(settings, n) for n in type(settings).model_fields}
    known = {f.name for f in fields(RunRequest)} - _BY_ENGINE
    base = RunRequest(
        **{name: value for name, value in said.items() if name in known},
        noise_cache=noise_folder(os.environ),
    )
    tables = settings.space.get("parameters", {})
    return make_request(base, engine_words(settings, settings.set_, settings.fix, tables))
