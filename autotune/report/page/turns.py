"""Turn by turn: prompt tokens, what was reused of them, TTFT and decode of two or more configs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from autotune.records import TurnRecord
from autotune.report.page.cells import count, figure, part
from autotune.report.page.figures import Panel, Panels, Series, Shape
from autotune.report.page.model import Cell, Grid, Plot, words
from autotune.report.text import number, plural

MOST_TURNS = 1500
"""Turns of each config that are shown one by one; further sessions are left out and counted."""

ALIKE = 0.05
"""By how much counts of the same prompts may differ: replies differ a little, tokenizers a lot."""

Key = tuple[str, int]
Form = Literal["tokens", "shares", "own"]
_FEW_SIDES = 2


@dataclass(frozen=True, slots=True)
class TurnPoint:
    """One turn of one config, in the middle over its repetitions. Absent is ``None``.

    `failed` counts repetitions without an answer, which are in none of the figures.
    """

    depth_tokens: float | None
    reused_tokens: float | None
    ttft_s: float | None
    decode_tps: float | None
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class Side:
    """The turns of one config, by session and turn. `role` is its look."""

    name: str
    role: str
    points: Mapping[Key, TurnPoint]


def side(name: str, role: str, records: Iterable[TurnRecord]) -> Side:
    """What `records` show of each turn."""
    found: dict[Key, list[TurnRecord]] = {}
    for record in records:
        found.setdefault((record.session_id, record.turn), []).append(record)
    return Side(name, role, {key: _point(rows) for key, rows in found.items()})


def _point(rows: Sequence[TurnRecord]) -> TurnPoint:
    good = [row for row in rows if row.ok]
    return TurnPoint(
        _middle(good, lambda r: r.depth_tokens),
        _middle(good, lambda r: r.cached_tokens),
        _middle(good, lambda r: r.ttft_s),
        _middle(good, lambda r: r.decode_tps),
        len(rows),
        len(rows) - len(good),
    )


def _middle(rows: Iterable[TurnRecord], read: Callable[[TurnRecord], float | None]) -> float | None:
    values = [value for row in rows if (value := read(row)) is not None]
    return statistics.median(values) if values else None


def turns_plot(sides: Sequence[Side], source: str = "", name: str = "turns") -> Plot | None:
    """The plot with its numbers; ``None`` where no turn was kept."""
    shown = [one for one in sides if one.points]
    keys, left_out = chosen(shown)
    if not keys:
        return None
    told = f"{plural(len(keys), 'turn')} of {plural(len({s for s, _ in keys}), 'session')}"
    title = f"Turn by turn: {told}" + (f" ({source})" if source else "")
    form = form_of(shown)
    figure_ = Panels(
        name=name,
        title=title,
        described=f"Prompt tokens, those reused, TTFT and decode rate of {told}, by turn: "
        f"{', '.join(one.name for one in shown)}",
        across="turns, session by session",
        panels=(*_tokens(shown, keys, form), *_speeds(shown, keys)),
        breaks=tuple(_breaks(keys)),
    )
    return Plot(figure_, _grid(shown, keys, _note(left_out, form), form))


def form_of(sides: Sequence[Side]) -> Form:
    """``tokens`` of two that count alike, ``shares`` of more, ``own`` where counts differ."""
    if not counted_alike(sides):
        return "own"
    return "tokens" if len(sides) <= _FEW_SIDES else "shares"


def counted_alike(sides: Sequence[Side]) -> bool:
    """Whether all count the same prompts about alike: else tokens of one say nothing of another."""
    first, *others = sides
    return all(abs(_counted(first, other) - 1.0) <= ALIKE for other in others)


def _counted(one: Side, other: Side) -> float:
    """How many tokens `other` counts for one of `one`'s, in the middle over their shared turns."""
    pairs = [(one.points[key], other.points[key]) for key in one.points if key in other.points]
    counts = [(a.depth_tokens, b.depth_tokens) for a, b in pairs]
    ratios = [theirs / ours for ours, theirs in counts if ours and theirs]
    return statistics.median(ratios) if ratios else 1.0


def _note(left_out: int, form: Form) -> str:
    told = ["Each engine counts tokens its own way."] if form == "own" else []
    if left_out:
        told.append(
            f"The sessions with the deepest prompts; {plural(left_out, 'turn')} of others are not "
            "shown here (autotune study turns has all)."
        )
    return " ".join(told)


def chosen(sides: Sequence[Side], most: int = MOST_TURNS) -> tuple[list[Key], int]:
    """Turns in the order they are shown, and how many are left out.

    Whole sessions, those with the deepest prompts first while there is room, and then in the order
    in which they were met.
    """
    sessions: dict[str, set[int]] = {}
    deepest: dict[str, float] = {}
    for one in sides:
        for (session, turn), point in one.points.items():
            sessions.setdefault(session, set()).add(turn)
            deepest[session] = max(deepest.get(session, 0.0), point.depth_tokens or 0.0)
    kept: set[str] = set()
    room = most
    for session in sorted(sessions, key=lambda s: -deepest[s]):
        if len(sessions[session]) <= room or not kept:
            kept.add(session)
            room -= len(sessions[session])
    keys = [(s, turn) for s in sessions if s in kept for turn in sorted(sessions[s])]
    return keys[:most], sum(map(len, sessions.values())) - len(keys[:most])


def _tokens(sides: Sequence[Side], keys: Sequence[Key], form: Form) -> Iterable[Panel]:
    """The prompts, and what was reused of them: tokens of two sides, shares of others."""
    prompt = _series(sides[0], keys, lambda p: p.depth_tokens, "line", "prompt tokens", "prompt")
    if form == "tokens":
        reused = [
            _series(one, keys, lambda p: p.reused_tokens,
                    "area" if one is sides[-1] else "line", f"reused, {one.name}")
            for one in reversed(sides)
        ]  # fmt: skip
        yield Panel("Prompt tokens, and those reused of them", (prompt, *reused))
        return
    depths = [_series(one, keys, lambda p: p.depth_tokens, "line") for one in sides]
    own = form == "own"
    title = "Prompt tokens, as each engine counts them" if own else "Prompt tokens"
    yield Panel(title, tuple(depths) if own else (prompt,))
    shares = tuple(_series(one, keys, reused_share) for one in sides)
    yield Panel("Share of the prompt that was reused", shares, share=True)


def _speeds(sides: Sequence[Side], keys: Sequence[Key]) -> Iterable[Panel]:
    ttft = [_series(one, keys, lambda p: p.ttft_s) for one in sides]
    yield Panel("Time to first token (TTFT), seconds, logarithmic", tuple(ttft), log=True)
    decode = [_series(one, keys, lambda p: p.decode_tps) for one in sides]
    yield Panel("Decode rate, tokens per second", tuple(decode))


def reused_share(point: TurnPoint) -> float | None:
    """What was reused of the prompt; ``None`` where one of them is not known."""
    if point.reused_tokens is None or not point.depth_tokens:
        return None
    return point.reused_tokens / point.depth_tokens


def _series(
    one: Side,
    keys: Sequence[Key],
    read: Callable[[TurnPoint], float | None],
    shape: Shape = "both",
    name: str | None = None,
    role: str | None = None,
) -> Series:
    x: list[float] = []
    y: list[float | None] = []
    told: list[str] = []
    for at, key in enumerate(keys):
        if at and keys[at - 1][0] != key[0]:
            # A gap: a line from one session to the next would say that something is between.
            x, y, told = [*x, at - 0.5], [*y, 0.0 if shape == "area" else None], [*told, ""]
        point = one.points.get(key)
        x.append(float(at))
        y.append(None if point is None else read(point))
        told.append(_told(one.name, key, point))
    return Series(
        name=name or one.name,
        role=role or one.role,
        x=tuple(x),
        y=tuple(y),
        shape=shape,
        told=tuple(told),
    )


def _told(name: str, key: Key, point: TurnPoint | None) -> str:
    head = f"{name}: {key[0]}, turn {key[1]}"
    if point is None:
        return f"{head}\nnot measured"
    depth = "?" if point.depth_tokens is None else f"{point.depth_tokens:,.0f}"
    reused = "?" if point.reused_tokens is None else f"{point.reused_tokens:,.0f}"
    lines = [
        head,
        f"{depth} prompt tokens, {reused} reused",
        f"TTFT {number(point.ttft_s)} s, {number(point.decode_tps)} tok/s",
    ]
    if point.failed:
        lines.append(f"{point.failed} of {point.runs} failed")
    return "\n".join(lines)


def _breaks(keys: Sequence[Key]) -> Iterable[tuple[float, str]]:
    """Where a session begins, but the first, which begins at the edge."""
    for at in range(1, len(keys)):
        if keys[at][0] != keys[at - 1][0]:
            yield at - 0.5, keys[at][0]


def _grid(sides: Sequence[Side], keys: Sequence[Key], note: str, form: Form) -> Grid:
    own = form == "own"
    heads = ["session", "turn", *([] if own else ["prompt tokens"])]
    for head in (*(("prompt tokens",) if own else ()), "reused", "TTFT s", "tok/s"):
        heads += [f"{head}, {one.name}" for one in sides]
    rows = tuple(tuple(_cells(sides, key, form)) for key in keys)
    return Grid(heads=tuple(heads), rows=rows, words=frozenset({0}), note=note)


def _cells(sides: Sequence[Side], key: Key, form: Form) -> Iterable[Cell]:
    points = [one.points.get(key) for one in sides]
    depths = [None if p is None else p.depth_tokens for p in points]
    first = next((d for d in depths if d is not None), None)
    yield words(key[0])
    yield count(key[1])
    yield from map(count, depths if form == "own" else [first])
    yield from (_reused(p, form) for p in points)
    yield from (figure(None if p is None else p.ttft_s) for p in points)
    yield from (figure(None if p is None else p.decode_tps) for p in points)


def _reused(point: TurnPoint | None, form: Form) -> Cell:
    if point is None:
        return words(None)
    return count(point.reused_tokens) if form == "tokens" else part(reused_share(point))
