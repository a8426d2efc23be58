"""The prefix-cache experiment in a report: what reuse saved by depth, and turn by turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autotune.report.page.cells import count, figure, part, ratio
from autotune.report.page.model import Cell, Grid, Section, prose, section, words
from autotune.report.page.palette import arm_role
from autotune.report.page.turns import Side, TurnPoint, turns_plot
from autotune.report.text import ABSENT, duration, number, plural
from autotune.scoring.cache_effect import COLD_ARM, WARM_ARM

Found = Mapping[str, Any]


def cache_section(effect: Found, roles: Mapping[str, str], *, turns: bool) -> Section | None:
    """``cache-effect.json`` in a sentence, a table and, with `turns`, a plot of its turns.

    `roles` are the looks of the arms by name, so that they are the same all over the page.
    """
    plot = turns_plot(
        sides(effect["rows"], roles), "each in the middle over its blocks", "cache-turns"
    )
    return section(
        "cache",
        "The same prompts with prefix reuse and without",
        prose([headline(effect), *notes(effect)]),
        bucket_grid(effect),
        plot if turns else None,
    )


def headline(effect: Found) -> str:
    """What reuse spared its user."""
    cold = sum(row["wait_cold_s"] for row in effect["sessions"])
    warm = sum(row["wait_warm_s"] for row in effect["sessions"])
    turns = sum(row["turns"] for row in effect["sessions"])
    verb = "saved" if effect["saved_s"] >= 0 else "cost"
    return (
        f"Prefix reuse {verb} {duration(abs(effect['saved_s']))} of waiting over "
        f"{plural(turns, 'turn')}: {duration(cold)} without, {duration(warm)} with."
    )


def notes(effect: Found) -> Iterator[str]:
    """What a reader must know of it."""
    if not effect["cold_checked"]:
        yield "The engine does not report cached tokens: that cold turns were cold is not checked."
    if effect["unpaired"]:
        yield f"{plural(effect['unpaired'], 'turn')} of one arm had no partner and were left out."


def bucket_grid(effect: Found) -> Grid:
    """A row for each depth bucket, and one over all."""
    rows = [*effect["buckets"], effect["overall"]]
    return Grid(
        heads=("depth", "n", "TTFT p50 s, off", "TTFT p50 s, on", "saved s", "interval", "ratio",
               "reused", "tok/s, off", "tok/s, on"),
        rows=tuple(tuple(_cells(row)) for row in rows),
        note="saved: median of cold less warm TTFT by turn; the interval draws "
        f"{effect['resampled']}",
    )  # fmt: skip


def _cells(row: Found) -> Iterator[Cell]:
    low, high = row["saved_low_s"], row["saved_high_s"]
    yield words(row["bucket"])
    yield count(row["pairs"])
    yield figure(row["ttft_cold_p50_s"])
    yield figure(row["ttft_warm_p50_s"])
    yield figure(row["saved_p50_s"])
    yield Cell(ABSENT if low is None or high is None else f"{number(low)} to {number(high)}", low)
    yield ratio(row["ratio"])
    yield part(row["reused_share"])
    yield figure(row["decode_cold_p50_tps"])
    yield figure(row["decode_warm_p50_tps"])


def sides(rows: Sequence[Found], roles: Mapping[str, str]) -> tuple[Side, Side]:
    """The turns of both arms, cold first."""
    cold = {_key(row): _point(row, "cold", row["cold_cached_tokens"]) for row in rows}
    warm = {_key(row): _point(row, "warm", row["reused_tokens"]) for row in rows}
    looks = roles.get(COLD_ARM, arm_role(0)), roles.get(WARM_ARM, arm_role(1))
    return Side(COLD_ARM, looks[0], cold), Side(WARM_ARM, looks[1], warm)


def _key(row: Found) -> tuple[str, int]:
    return str(row["session"]), int(row["turn"])


def _point(row: Found, which: str, reused: float | None) -> TurnPoint:
    return TurnPoint(
        row["depth_tokens"],
        reused,
        row[f"ttft_{which}_s"],
        row[f"decode_{which}_tps"],
        row["blocks"],
        0,
    )
