"""What captures hold as one page with plots: a file that needs no network and no program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.errors import UserError
from autotune.report.captures import damage_lines, facts, headline
from autotune.report.captures_counted import COLUMNS, counted_cells
from autotune.report.captures_style import STYLE
from autotune.report.svg import Bar, Frame, bars, element, svg
from autotune.report.text import ABSENT, number, plural, share
from autotune.workload.curves import EDITS
from autotune.workload.writer import replacing

if TYPE_CHECKING:
    from autotune.trial.counted_sessions import CountedSession
    from autotune.workload.curves import Curve, Curves, Point
    from autotune.workload.inspect import CaptureReport
    from autotune.workload.reuse import ReuseReport

_MARK = "<!doctype html><!-- autotune captures inspect -->"
_LEGEND = (
    ("depth", "prompt tokens"),
    ("reusable", "shared with the prompt before"),
    ("cached", "recorded as read from cache"),
    ("edit", "edited on purpose (compaction, rewind)"),
    ("broken", "prefix broken"),
)
_FEW_CAUSES = 3


def refuse_other_page(path: Path) -> None:
    """Raises `UserError` when `path` is something else than such a page, or can be none."""
    if not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent}", "give a path in a folder that exists")
    if path.is_dir():
        raise UserError(f"{path} is a folder", "give the name of a file")
    if path.exists() and not _is_ours(path):
        raise UserError(f"{path} exists and is no page of this command", "give another name")


def _is_ours(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_MARK)) == _MARK.encode()


def write_page(
    path: Path, report: CaptureReport, curves: Curves, counted: Sequence[CountedSession] = ()
) -> None:
    """The page at `path`, whole or not at all. Raises `UserError` when it cannot be written."""
    with replacing(path) as stream:
        stream.write(page(report, curves, counted).encode())


def page(report: CaptureReport, curves: Curves, counted: Sequence[CountedSession] = ()) -> str:
    """The page as text."""
    sections = chain(
        _depth_section(curves), _shape_section(report), _counted_section(counted),
        _files_section(report), _damage_section(report),
    )  # fmt: skip
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Captures</title><style>{STYLE}</style>"
    )
    body = f"<h1>Captures</h1><p>{escape(headline(report))}</p>{_tiles(report)}"
    whole = element("head", head) + element("body", body, *sections)
    return f"{_MARK}{element('html', whole, lang='en')}\n"


def _tiles(report: CaptureReport) -> str:
    tiles = (
        element("div", element("dt", escape(name)), element("dd", escape(value)))
        for name, value in facts(report)
    )
    return element("dl", *tiles)


def _section(title: str, *inside: str) -> str:
    return element("section", element("h2", escape(title)), *inside)


def _depth_section(curves: Curves) -> Iterator[str]:
    kept = curves.kept()
    if not kept:
        return
    keys = "".join(
        element("span", element("i", class_=f"key {kind}"), escape(text), class_="legend")
        for kind, text in _LEGEND
    )
    notes = [element("p", keys)]
    if curves.left_out:
        told = f"The {plural(len(kept), 'session')} with the deepest prompts; "
        notes.append(element("p", f"{told}{curves.left_out:,} more are not plotted (--rows)."))
    panels = element("div", *map(_panel, kept), class_="panels")
    yield _section("Depth by turn", *notes, panels)


def _panel(curve: Curve) -> str:
    points = curve.points
    frame = Frame(points[0].turn, points[-1].turn, curve.deepest)
    depth = [(p.turn, p.depth) for p in points]
    drawn = svg(
        frame.width,
        frame.height,
        f"depth of {curve.session_id} by turn",
        frame.axes("turn"),
        frame.steps([(p.turn, p.reusable) for p in points if p.reusable], "reusable"),
        frame.line([(p.turn, p.cached) for p in points if p.cached is not None], "cached"),
        frame.line(depth, "depth"),
        *(frame.sensor(p.turn, _told(p)) for p in points),
        *(frame.mark((p.turn, p.depth), _kind(p), _told(p)) for p in points if p.cause),
    )
    title = f"{curve.session_id}: {plural(len(points), 'turn')}, to {curve.deepest:,} tokens"
    aside = f" (sub-agent of {curve.parent})" if curve.parent else ""
    caption = element("figcaption", escape(title + aside), element("small", _causes(points)))
    return element("figure", caption, drawn)


def _kind(point: Point) -> str:
    return "edit" if point.cause in EDITS else "broken"


def _told(point: Point) -> str:
    """Everything of one turn, in lines."""
    about = "~" if point.estimated else ""
    lines = [f"turn {point.turn}: {about}{point.depth:,} tokens"]
    lines.append(f"{point.reusable:,} shared with the prompt before")
    if point.cached is not None:
        lines.append(f"{point.cached:,} recorded as read from cache")
    if point.ttft_s is not None:
        lines.append(f"recorded TTFT {number(point.ttft_s)} s")
    if point.cause is not None:
        lines.append(f"broken by: {point.cause}")
    return "\n".join(lines)


def _causes(points: Sequence[Point]) -> str:
    """The first breaks in words, for whoever does not point at the marks."""
    broken = [f"turn {p.turn} {p.cause}" for p in points if p.cause]
    more = len(broken) - _FEW_CAUSES
    told = ", ".join(broken[:_FEW_CAUSES]) + (f" and {more} more" if more > 0 else "")
    if len(points) == 1:
        return "one prompt"
    return escape(f"broken: {told}") if told else "every prompt begins with all of the one before"


def _shape_section(report: CaptureReport) -> Iterator[str]:
    buckets = [Bar(b.label, b.turns, _bucket_told(b.turns, b.ttft_p50_s)) for b in report.buckets]
    inside = [
        element("figure", element("figcaption", "Turns by depth"), bars(buckets, "turns by depth"))
    ]
    reuse = report.reuse
    if reuse.ceilings:
        rows = [
            Bar(plural(slots, "slot"), part, share(part)) for slots, part in reuse.ceilings.items()
        ]
        title = element("figcaption", "Of all prompt tokens, what so many cache slots could hold")
        drawn = bars(rows, "reuse ceiling by slots", longest=1.0)
        inside.append(element("figure", title, drawn))
    yield _section("Shape", element("div", *inside, class_="panels"), *_causes_table(reuse))


def _bucket_told(turns: int, ttft_p50_s: float | None) -> str:
    timed = "" if ttft_p50_s is None else f", TTFT p50 {number(ttft_p50_s)} s"
    return f"{turns:,}{timed}"


def _causes_table(reuse: ReuseReport) -> Iterator[str]:
    if reuse.causes:
        rows = [
            (cause, f"{turns:,}", f"{reuse.lost_tokens.get(cause, 0):,}")
            for cause, turns in reuse.causes.items()
        ]
        yield _table(("prefix broken by", "turns", "tokens lost"), rows)


def _counted_section(counted: Sequence[CountedSession]) -> Iterator[str]:
    if counted:
        rows = [counted_cells(one) for one in counted]
        yield _section("Deepest prompt, counted by the model", _table(COLUMNS, rows))


def _files_section(report: CaptureReport) -> Iterator[str]:
    rows = [(f.file, f.format, f"{f.sessions:,}", f"{f.turns:,}") for f in report.files]
    digest = element("p", escape(f"digest {report.digest}"))
    yield _section("Files", _table(("file", "format", "sessions", "turns"), rows), digest)


def _damage_section(report: CaptureReport) -> Iterator[str]:
    if report.damage:
        items = (element("li", escape(line)) for line in damage_lines(report.damage))
        yield _section("Damage", element("ul", *items))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are mostly figures."""
    head = element("tr", *(element("th", escape(name)) for name in heads))
    body = (element("tr", *(element("td", escape(cell or ABSENT)) for cell in row)) for row in rows)
    return element("div", element("table", head, *body), class_="wide")
