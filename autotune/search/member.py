"""One worker among those that search a study at the same time; alone on most machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.search.queue import Planned, interrupted_trials

if TYPE_CHECKING:
    from optuna import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """`worker` is its name in the study, unique and empty for a run that is alone.

    `lost` gives the trials that others left, and that this one is to measure once more.
    """

    worker: str = ""
    lost: Callable[[Study], list[Planned]] = interrupted_trials

    @property
    def is_alone(self) -> bool:
        """Whether nobody else searches the study."""
        return not self.worker


ALONE = Member()
