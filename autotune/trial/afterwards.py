"""What is asked of an engine after its replay, while it still runs and nothing is timed any more.

Some questions need the very server that was measured: what each prompt was in the engine's own
tokens, how it does on the test of the usual chart, what it would say next. They are asked here,
after the last turn, so that they cannot disturb one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from autotune.candidate import Candidate
from autotune.launchers.protocol import CacheArm, Launcher, Server
from autotune.records import TurnRecord
from autotune.replay.endpoint import Endpoint
from autotune.replay.sent import SentTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """A server whose plan was replayed whole, every turn good.

    Attributes:
        sent: every request in the order it was sent, with the messages as they went out.
        records: the turns' records, in plan order.
    """

    launcher: Launcher
    server: Server
    endpoint: Endpoint
    candidate: Candidate
    arm: str
    block: int
    cache_arm: CacheArm
    sent: tuple[SentTurn, ...]
    records: tuple[TurnRecord, ...]


class Afterwards(Protocol):
    """One question. Its answer is stored under `name` in `Measurement.extras`."""

    @property
    def name(self) -> str:
        """A short name, a JSON key."""
        ...

    def after(self, aftermath: Aftermath) -> Mapping[str, Any] | None:
        """The answer as JSON-able data, ``None`` where this engine cannot be asked.

        It is stored with the trial: a few kB at most; what is longer goes to a file of the study.
        A `TrialError` fails the measurement; what only this question needs and does not get
        belongs into the answer instead.
        """
        ...
