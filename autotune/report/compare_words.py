"""What a comparison says in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autotune.report.text import ABSENT, duration, plural, times

Row = Mapping[str, Any]

_METRICS = {"turn_s": "turn", "ttft": "TTFT", "decode": "decode", "total_wait": "total wait"}


def metric_name(name: str) -> str:
    """A metric's name as the tables call it."""
    return _METRICS.get(name, name)


def head_line(document: Row) -> str:
    """What was compared, over what."""
    run, arms = document["run"], [arm["name"] for arm in document["arms"]]
    others = [name for name in arms if name != document["baseline"]]
    histories = dict.fromkeys(str(arm["history"]) for arm in document["arms"] if "history" in arm)
    told = f"{plural(run['sessions'], 'session')}, {plural(run['turns'], 'turn')}"
    blocks = plural(document["blocks"], "block")
    return (
        f"{', '.join(others)} against {document['baseline']}: {told} to "
        f"{run['deepest_tokens']:,} tokens, {blocks}, {' and '.join(histories)} history"
    )


def could_see(row: Row) -> str:
    """The smallest difference that would have shown: ``2.5%``, or ``3.5x`` where it is large."""
    seen = row["smallest_seen"]
    if seen is None:
        return ABSENT
    return times(seen) if seen >= 2 else _percent(seen - 1)


def interval(row: Row) -> str:
    """``0.97x to 1.02x``."""
    if row["low"] is None or row["high"] is None:
        return ABSENT
    return f"{times(row['low'])} to {times(row['high'])}"


def _percent(value: float) -> str:
    return f"{value:.1%}" if value < 0.1 else f"{value:.0%}"


def _width(value: float) -> str:
    return _percent(value) if value < 1 else f"a factor of {value + 1:.1f}"


def ended_line(document: Row) -> str:
    """Why nothing more is measured."""
    until, reached = _percent(document["run"]["until"]), document.get("reached")
    now = "" if reached is None else f"; intervals are within {_width(reached)}"
    blocks = plural(document["blocks"], "block")
    took = duration(document["seconds"])
    return {
        "narrow": f"ended: every interval is within {until}, after {blocks} and {took}",
        "blocks": f"ended after {blocks} (--blocks), which took {took}{now}",
        "budget": f"ended: the budget does not hold another block, {blocks} in {took}{now}",
        "stopped": f"stopped after {blocks}{now}",
        "alone": f"ended after {blocks}: fewer than two arms are left to be measured",
    }.get(str(document["ended"]), f"not finished: {blocks} so far")


def note_lines(document: Row) -> Iterator[str]:
    """What a reader of the tables must know."""
    for arm in document["arms"]:
        if arm["failure"] is not None:
            yield f"{arm['name']} failed: {arm['failure']}"
    yield from _measuring_notes(document)
    rows = document["verdicts"]
    if rows:
        yield (
            "TTFT and tok/s are medians over n turns, wait is once through all of them. A speed-up "
            "above 1 is faster; could see is the smallest difference that would have shown."
        )
    if any(row["directional"] for row in rows):
        yield "Few turns or sessions: a direction more than a size."
    if document["ended"] == "budget":
        yield "With a longer --budget the same command goes on."


def _measuring_notes(document: Row) -> Iterator[str]:
    disturbed = sum(arm["disturbed"] for arm in document["arms"])
    again, took_s = document["made_again"], document["made_again_s"]
    if again:
        were = "was" if again == 1 else "were"
        told = f"{plural(again, 'measurement')} {were} disturbed by others"
        yield f"{told} and made again ({duration(took_s)})."
    if disturbed:
        whole = len(document["measurements"])
        yield f"{disturbed} of {whole} measurements were not alone on the machine."
    if document.get("floor"):
        widths = "the machine was not quiet" if disturbed else "one block cannot show its noise"
        yield f"Intervals are widened by the machine's own noise: {widths}."
    for arm in document["arms"]:
        if arm.get("tuned_on_another_build"):
            yield f"{arm['name']} was tuned on another build of {arm['engine']} than the one here."
        found = arm.get("figures")
        if found and found["cached_share"] is None:
            yield f"{arm['name']} does not report cached tokens."
    yield from document["notes"]
