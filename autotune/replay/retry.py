"""When a refused request is sent again, and after how long.

Only services that are not ours: a local engine that answers 500 has failed, and a trial must show
it. Waiting is bounded, and the turn's record says how often it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from autotune.replay.transfer import End, Transfer

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that say "later": 529 is Anthropic's ``overloaded_error``."""


@dataclass(frozen=True, slots=True)
class Retries:
    """At most `most` more tries. Without a ``Retry-After`` the pause doubles from `first_s`.

    A server that asks for more than `longest_s` is not waited for.
    """

    most: int = 0
    first_s: float = 1.0
    longest_s: float = 60.0

    def pause_s(self, sent: Transfer, tries: int, now: datetime | None = None) -> float | None:
        """Seconds to wait before trying again after `tries` tries; ``None`` to leave it at that."""
        if tries > self.most or not _is_passing(sent):
            return None
        told_s = retry_after_s(sent, now or datetime.now(UTC))
        pause_s = self.first_s * 2 ** (tries - 1) if told_s is None else told_s
        return pause_s if pause_s <= self.longest_s else None


def _is_passing(sent: Transfer) -> bool:
    """Whether the same request may well be answered a little later."""
    if sent.status is None:
        return sent.end is End.BROKEN
    return sent.status in _AGAIN


def retry_after_s(sent: Transfer, now: datetime) -> float | None:
    """What the server asks for: ``retry-after-ms``, or ``retry-after`` in seconds or as a date."""
    milliseconds = _number(sent.headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    told = sent.headers.get("retry-after")
    seconds = _number(told)
    if told is None or seconds is not None:
        return None if seconds is None else max(0.0, seconds)
    try:
        return max(0.0, (parsedate_to_datetime(told) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
