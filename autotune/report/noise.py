"""How noisy the machine is and was, in words: floors, drift, and what was measured again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from autotune.report.text import duration, plural
from autotune.search.events import AnchorMeasured

NAMES = {
    "turn_s": "seconds per turn",
    "ttft": "TTFT",
    "decode": "decode rate",
    "total_wait": "total wait",
}


DOUBLE = 2.0
"""From here on a person reads how many times, not by how many percent."""


def percent(log_ratio: float) -> str:
    """A half-width in log-ratios as a person reads it: 0.0305 is ``3.1%``, 1.1 is ``3.0x``."""
    ratio = math.exp(abs(log_ratio))
    return f"{ratio - 1:.1%}" if ratio < DOUBLE else f"{ratio:.1f}x"


def anchor_line(event: AnchorMeasured) -> str:
    """What a look at the default found."""
    took = f"took {duration(event.seconds)}"
    if event.shift is None:
        return f"the default once more: too little to tell drift from, {took}"
    way = "slower" if event.shift > 0 else "faster"
    text = f"the default once more: {percent(event.shift)} {way} than before"
    bound = f"noise floor {percent(event.floor)}"
    if not event.disagrees:
        return f"{text} ({bound}), {took}"
    doubtful = plural(event.doubtful, "trial")
    return f"{text}, beyond the {bound}: the machine moved, {doubtful} to measure again, {took}"


def floor_lines(floor: Mapping[str, Any]) -> Iterator[str]:
    """One line a metric of a floor as plain data."""
    widths = floor["half_widths"]
    wide = max(len(name) for name in NAMES.values())
    for key, name in NAMES.items():
        if key in widths:
            yield f"{name:<{wide}}  two runs differ by up to {percent(widths[key])}"


def noise_lines(noise: Mapping[str, Any] | None) -> Iterator[str]:
    """The lines of a summary; none for a study that was not watched."""
    if noise is None:
        return
    yield _floor_line(noise["floor"])
    if noise["anchors"]["measured"]:
        yield _drift_line(noise["anchors"])
    yield from _disturbed_lines(noise["disturbed"], never_quiet=noise["never_quiet"])


def _floor_line(floor: Mapping[str, Any]) -> str:
    widths = floor["half_widths"]
    if not floor["measured_at"]:
        return (
            f"noise: floor assumed at {percent(widths['turn_s'])}, not measured "
            "(autotune doctor --noise measures it)"
        )
    shown = [f"{NAMES[key]} {percent(widths[key])}" for key in NAMES if key in widths]
    pairs = plural(floor["pairs"], "pair")
    return f"noise: the same config twice differs by up to {', '.join(shown)} ({pairs})"


def _drift_line(anchors: Mapping[str, Any]) -> str:
    looks = plural(anchors["measured"], "time")
    text = f"drift: the default was measured again {looks} ({duration(anchors['seconds'])})"
    if anchors["largest_shift"] is not None:
        text += f", moved by {percent(anchors['largest_shift'])} at most"
    if anchors["disagreed"]:
        text += f"; {plural(anchors['measured_again'], 'trial')} measured again for it"
    if left := anchors["left_doubtful"]:
        numbers = ", ".join(n if isinstance(n, str) else f"#{n}" for n in left)
        text += f"; not measured again, for want of budget: {numbers}"
    return text


def _disturbed_lines(seen: Mapping[str, Any], *, never_quiet: bool) -> Iterator[str]:
    why = f" ({seen['reasons'][0]})" if seen["reasons"] else ""
    if seen["discarded_turns"]:
        yield (
            f"disturbed: {plural(seen['again'], 'measurement')} made again, "
            f"{plural(seen['discarded_turns'], 'turn')} and {duration(seen['discarded_s'])} "
            f"set aside, {seen['share']:.0%} of all turn time{why}"
        )
    if seen["kept_spoiled"]:
        runs = plural(seen["kept_spoiled"], "measurement")
        yield f"disturbed: {runs} kept although others used the machine{why}"
    if never_quiet:
        yield "this machine never got quiet: figures are as they came, and intervals are widened"
