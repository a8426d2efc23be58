"""From the best trials to the one that is proved: a heat among them, then the confirmation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from autotune.candidate import Candidate
from autotune.search.budget import MARGIN
from autotune.search.confirm import DEFAULT_ARM, Arm, Confirmation, Confirmed
from autotune.search.judge import Judge
from autotune.search.ledger import Entry, Ledger, arm_name
from autotune.search.planned import INCUMBENT

CONTENDERS = 3
"""How many of the best trials run the heat."""

CLOSE = 1.15
"""Only trials within this factor of the best: a single trial's value is uncertain by about that
much, by the machine's noise and by the sessions it was measured on."""

MakeRound = Callable[[str, int], Confirmation]
"""A round by the stem of its name and its number of blocks."""


def as_it_is(arm: Arm) -> Arm:
    """The finalist itself."""
    return arm


def prove(
    ledger: Ledger,
    make: MakeRound,
    blocks: int,
    room: int,
    smaller: Callable[[Arm], Arm] = as_it_is,
) -> Confirmed:
    """The default against the best candidate, over `blocks` blocks on held-out sessions.

    Where there is room for it, the best few run a heat first, once each on the same sessions, and
    the fastest goes on. A least value among many is lucky more often than best; the heat is a
    second opinion on other sessions. Its records choose and are not counted in the verdict.
    `smaller` gives the arm that is confirmed for the one that was chosen: itself, or the same
    without what does nothing. The config in use is confirmed beside it, as it is: what is
    recommended must beat that as well.
    """
    default, *rivals = contenders(ledger, room)
    used = in_use(ledger)
    if len(rivals) < 2:
        return _confirmed(make("confirm", blocks), default, used, rivals, smaller)
    round_ = make("heat", 1)
    heat = round_.run(rivals)
    best = fastest(rivals, heat, round_.judge)
    chosen = [] if best is None else [best]
    confirmed = _confirmed(make("confirm", blocks), default, used, chosen, smaller)
    return replace(
        confirmed,
        failed={**heat.failed, **confirmed.failed},
        seconds=heat.seconds + confirmed.seconds,
        disturbed=(*heat.disturbed, *confirmed.disturbed),
    )


def _confirmed(
    round_: Confirmation,
    default: Arm,
    used: Arm | None,
    chosen: Sequence[Arm],
    smaller: Callable[[Arm], Arm],
) -> Confirmed:
    if used is None:
        return round_.run([default, *map(smaller, chosen)])
    others = [smaller(arm) for arm in chosen if arm.name != used.name]
    return round_.run([default, used, *others], used.name)


def in_use(ledger: Ledger) -> Arm | None:
    """The config that is in use now; ``None`` where none was named, it is the default, or it does
    not run."""
    base = ledger.baseline
    keys = {e.key for e in ledger.entries if e.label == INCUMBENT}
    found = next((e for e in ledger.ranked if e.key in keys), None)
    if found is None or base is None or found.key == base.key:
        return None
    return Arm(arm_name(found.number), Candidate(found.settings), found.number)


def sides(ledger: Ledger) -> int:
    """How many arms the confirmation would have: the default, the best, and the config in use."""
    used = in_use(ledger)
    if used is None:
        return 2
    return 2 if [arm.name for arm in contenders(ledger, 1)[1:]] == [used.name] else 3


def fastest(arms: Sequence[Arm], heat: Confirmed, judge: Judge) -> Arm | None:
    """The arm with the least value in `heat`; ``None`` when none of them was measured."""
    values = {
        arm.name: judge.score(heat.records[arm.name]).value
        for arm in arms
        if arm.name in heat.records and arm.name not in heat.failed
    }
    good = {name: value for name, value in values.items() if value is not None}
    return min((a for a in arms if a.name in good), key=lambda a: good[a.name], default=None)


def contenders(ledger: Ledger, most: int = CONTENDERS) -> list[Arm]:
    """The default, then at most `most` of the best candidates that are not it."""
    base = ledger.baseline
    assert base is not None
    arms = [Arm(DEFAULT_ARM, Candidate(base.settings), base.number)]
    better = [e for e in ledger.ranked if e.key != base.key]
    for entry in better[:most]:
        if len(arms) == 1 or _is_close(entry, better[0]):
            arms.append(Arm(arm_name(entry.number), Candidate(entry.settings), entry.number))
    return arms


def room_for(left_s: float | None, launch_s: float, blocks: int, arms: int = 2) -> int:
    """How many contenders fit `left_s` seconds beside `blocks` blocks of `arms`; at least one.

    `launch_s` is what one launch on the held-out sessions costs; the blocks are reckoned with
    `MARGIN`, as the heat must not take what they need.
    """
    if left_s is None or launch_s <= 0:
        return CONTENDERS
    heat = int(left_s / launch_s - MARGIN * arms * blocks)
    return CONTENDERS if heat >= CONTENDERS else heat if heat >= 2 else 1


def launches(ledger: Ledger, blocks: int) -> int:
    """How many launches the heat and the confirmation take, were the search to end now.

    Without a close second there is no heat. Before anything is known it is the most there may be.
    """
    rivals = CONTENDERS if ledger.baseline is None else len(contenders(ledger)) - 1
    return (rivals if rivals > 1 else 0) + sides(ledger) * blocks


def _is_close(entry: Entry, best: Entry) -> bool:
    return entry.value is not None and best.value is not None and entry.value <= CLOSE * best.value
