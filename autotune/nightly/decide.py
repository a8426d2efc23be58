"""What a night is for: the first tuning, another one, a canary, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from autotune.nightly.changes import Change, changes
from autotune.nightly.fingerprint import Fingerprint
from autotune.nightly.night_record import Night
from autotune.nightly.targets import CanaryRule


class Action(StrEnum):
    """What is done."""

    TUNE_FIRST = "first tuning"
    RETUNE = "retune"
    CANARY = "canary"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done and for which reasons; `changes` are what differs from the last tuning."""

    action: Action
    reasons: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def tunes(self) -> bool:
        """Whether a budget is spent."""
        return self.action in (Action.TUNE_FIRST, Action.RETUNE)


def decide(live: Fingerprint | None, now: Fingerprint, canary_due: bool) -> Decision:
    """What tonight is for. `live` is of the last tuning that came to its end, ``None`` before one.

    Any change is a reason to tune again, warm-started, with the config in use to be beaten; which
    change matters how much is not guessed.
    """
    if live is None:
        return Decision(Action.TUNE_FIRST, ("it was never tuned",))
    found = changes(live, now)
    if found:
        return Decision(Action.RETUNE, tuple(change.sentence for change in found), found)
    if canary_due:
        return Decision(Action.CANARY, ("nothing changed since it was tuned",))
    return Decision(Action.NOTHING, ("nothing changed, and no canary is due",))


def after_drift(decision: Decision, said: str) -> Decision:
    """The decision once a canary saw drift: tune again, and say why."""
    return Decision(Action.RETUNE, (said,), decision.changes)


def canary_due(rule: CanaryRule, newest_first: Iterable[Night]) -> bool:
    """Whether so many nights have passed since figures were last taken that it is time again.

    Nights that were skipped count, and those whose canary others disturbed: they took none. A
    night that tuned took some.
    """
    if rule.every < 1:
        return False
    for passed, night in enumerate(newest_first, start=1):
        if passed >= rule.every:
            return True
        if _took_figures(night):
            return False
    return True


def _took_figures(night: Night) -> bool:
    told = night.canary is not None and (night.canary.ratio is not None or night.canary.drifted)
    return told or night.tuning is not None
