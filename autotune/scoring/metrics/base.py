"""What every metric is: a tag, a unit, a formula, and no value where there is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from autotune.errors import AutotuneError
from autotune.records import TurnRecord


class NoMetricValue(AutotuneError):  # noqa: N818 - an absence, not an error of anyone
    """A metric cannot be computed from these records; the message says why."""


class Metric(ABC):
    """One number over turn records. Stateless; failed turns are never looked at.

    Attributes:
        tag: the name in files and tables, with its unit.
        unit: the unit alone, as a person reads it.
    """

    tag: ClassVar[str]
    unit: ClassVar[str]

    @abstractmethod
    def compute(self, records: Sequence[TurnRecord]) -> float:
        """The value over the good turns. Raises `NoMetricValue` when there is none."""

    def value(self, records: Sequence[TurnRecord]) -> float | None:
        """`compute`, with ``None`` for an absence."""
        try:
            return self.compute(records)
        except NoMetricValue:
            return None


def values_of(
    records: Sequence[TurnRecord], read: Callable[[TurnRecord], float | None], what: str
) -> list[float]:
    """What the good turns report, absences left out.

    Raises `NoMetricValue` when none does.
    """
    found = [value for r in records if r.ok and (value := read(r)) is not None]
    if not found:
        raise NoMetricValue(f"no good turn reports {what}")
    return found
