"""What each arm's prompts carry: recorded replies where prompts must be the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autotune.compare.request import CompareArm, CompareRequest
from autotune.errors import UserError
from autotune.replay.plan import History

OF_CACHE = (
    "prompts carry the recorded replies (history=recorded): the cache's arms get identical prompts"
)
OF_MANY = (
    "prompts carry the recorded replies (history=recorded): different servers get the same prompts"
)


@dataclass(frozen=True, slots=True)
class Histories:
    """What the prompts of each arm carry, by the arm's name, and why."""

    of: Mapping[str, History]
    notes: tuple[str, ...] = ()


def choose_histories(request: CompareRequest) -> Histories:
    """Recorded where a cache is switched or servers differ; else as said, else closed loop.

    Raises `UserError` for an arm that says ``history=closed-loop`` beside one that switches the
    cache: its prompts would hold other replies than the other's.
    """
    arms = request.arms
    if any(arm.cache is not None for arm in arms):
        for arm in arms:
            if arm.history is History.CLOSED_LOOP:
                raise UserError(
                    f"{arm.name}: arms that switch the cache need identical prompts",
                    "leave history=closed-loop out: they carry the recorded replies",
                )
        return _all(arms, History.RECORDED, OF_CACHE)
    if request.history is not None:
        return _all(arms, request.history)
    if _servers(arms) > 1:
        return _all(arms, History.RECORDED, OF_MANY)
    return _all(arms, History.CLOSED_LOOP)


def _all(arms: Sequence[CompareArm], usual: History, note: str = "") -> Histories:
    """`usual` for every arm that does not say its own; `note` where it is of any."""
    of = {arm.name: arm.history or usual for arm in arms}
    told = note and any(arm.history is None for arm in arms)
    return Histories(of, (note,) if told else ())


def _servers(arms: Sequence[CompareArm]) -> int:
    """How many different engines with their models, and endpoints, take part."""
    return len({_server(arm) for arm in arms})


def _server(arm: CompareArm) -> tuple[str, ...]:
    if arm.launched is None:
        return ("endpoint", arm.name)
    return ("engine", arm.launched.engine, str(arm.launched.model))
