"""A candidate that names the model file it serves: one dimension of a search like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autotune.candidate import Candidate
from autotune.launchers.protocol import LaunchContext

MODEL = "model"
"""The setting. Its value is an absolute path; engines are given it as the launch's model."""


def with_model(candidate: Candidate, context: LaunchContext) -> tuple[Candidate, LaunchContext]:
    """The candidate without its model, and the context with it; both as they are without one."""
    chosen = candidate.settings.get(MODEL)
    if not isinstance(chosen, str):
        return candidate, context
    rest = {name: value for name, value in candidate.settings.items() if name != MODEL}
    return Candidate(rest), replace(context, model=Path(chosen))
