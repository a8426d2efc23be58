"""Turns of several sessions at once: who waits for a slot and for another's prefill.

A server prefills one prompt at a time (in batches that others' tokens ride along with), and decodes
what is under way together. So a turn waits for a free slot and for the prefills before it, and its
decoding slows by what it shares. With a concurrency of 1 nothing overlaps and nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHARED_STEP = 0.18
"""Of a decode step, for each other sequence that it serves."""


@dataclass(frozen=True, slots=True)
class Work:
    """One turn alone on the server, in the plan's order."""

    session: str
    first_s: float
    decode_s: float


@dataclass(frozen=True, slots=True)
class Done:
    """When a turn was sent, when its first token came and when its last, from the plan's start."""

    sent_s: float
    first_s: float
    last_s: float


def overlapped(work: Sequence[Work], concurrency: int, slots: int) -> list[Done]:
    """Each turn's moments, in the plan's order, `concurrency` sessions at once.

    A turn begins when a place is free and its session's last turn is done, earliest first.
    """
    places = [0.0] * max(1, concurrency)
    free = [0.0] * max(1, slots)
    prefill_s, session_s = 0.0, dict[str, float]()
    done: list[Done] = []
    for item in work:
        place = min(range(len(places)), key=places.__getitem__)
        sent = max(places[place], session_s.get(item.session, 0.0))
        slot = min(range(len(free)), key=free.__getitem__)
        begins = max(sent, free[slot], prefill_s)
        first = begins + item.first_s
        prefill_s = first
        beside = sum(1 for other in done if other.last_s > first)
        last = first + item.decode_s * (1.0 + SHARED_STEP * min(beside, len(free) - 1))
        places[place] = free[slot] = session_s[item.session] = last
        done.append(Done(sent, first, last))
    return done
