"""What a strategy is given, and what it gives back.

A strategy is a function ``run(setup, asked)`` over the tuple that every setup is (space, search
plan, confirm plan, judge, feasibility, measurer, clock). It yields a `Pick` whenever what it would
recommend may have changed; engine-seconds are those of the setup's clock, which moves by what each
measurement takes. It stops by itself, or when its budget is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from autotune.candidate import Setting
from autotune.replay.plan import ReplayPlan
from autotune.search.feasibility import Feasibility
from autotune.search.judge import Judge
from autotune.search.space import Space
from autotune.trial.measurement import Measurer
from autotune.trial.virtual_clock import VirtualClock

Settings = Mapping[str, Setting]
Values = Mapping[str, Setting]
"""Parameter values of a space; the settings of an engine follow from them."""


class Setup(Protocol):
    """As ``recorded_setup`` and ``simulated_setup`` make them: fresh for every search."""

    @property
    def space(self) -> Space:
        """What is searched."""
        ...

    @property
    def search_plan(self) -> ReplayPlan:
        """What a trial replays."""
        ...

    @property
    def confirm_plan(self) -> ReplayPlan:
        """What the confirmation replays."""
        ...

    @property
    def judge(self) -> Judge:
        """How a measurement is scored."""
        ...

    @property
    def feasibility(self) -> Feasibility:
        """What is refused before a launch; it learns, so it belongs to one search."""
        ...

    @property
    def measurer(self) -> Measurer:
        """Moves `clock` on by what each measurement took."""
        ...

    @property
    def clock(self) -> VirtualClock:
        """Engine-seconds so far."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a strategy may spend, in engine-seconds, and the seed of what it draws."""

    budget_s: float
    seed: int


@dataclass(frozen=True, slots=True)
class Pick:
    """What would be recommended after `engine_s` seconds, and how many trials that took.

    `is_final` where the strategy has looked at its best ones again, and chooses by that alone.
    """

    engine_s: float
    settings: Settings
    trials: int
    is_final: bool = False


Run = Callable[[Setup, Asked], Iterator[Pick]]


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way of searching by its name; `about` is one line."""

    name: str
    about: str
    run: Run
