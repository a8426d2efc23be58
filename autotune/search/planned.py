"""What a trial is to be, and why: labels are what a study remembers of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autotune.candidate import Setting

DEFAULT = "default"
INCUMBENT = "incumbent"
STEP = "step: "
AGAIN = "again: "
TOGETHER = "together: "
"""Several flags changed at once because they are expected to add up."""

FEWER = "fewer: "
"""A winner without changes that do nothing (`simplify`): measured when the search has ended."""

FROM_STUDY = "from study "
"""A config that an earlier study found."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Parameter values for the next trial, and why; `retry_of` is a trial that was cut short."""

    values: Mapping[str, Setting]
    label: str
    retry_of: int | None = None
