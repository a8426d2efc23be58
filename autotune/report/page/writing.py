"""A page as files: HTML, Markdown, JSON, CSV, and each of its plots as SVG or PNG."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from autotune.errors import UserError
from autotune.report.page.drawn import alone
from autotune.report.page.figures import Figure
from autotune.report.page.html import MARK, html
from autotune.report.page.markdown import markdown
from autotune.report.page.model import Page
from autotune.report.page.rows_csv import rows_csv
from autotune.study.files import write_bytes_atomic, write_text_atomic

Form = Literal["html", "md", "json", "csv"]
PlotForm = Literal["svg", "png"]


def rendered(
    page: Page, form: Form, *, static: bool = False, pictures: Mapping[str, str] | None = None
) -> str:
    """The page as text. `static` leaves plotly.js out of HTML; `pictures` are for Markdown."""
    match form:
        case "html":
            return html(page, _bundle(page, static=static))
        case "md":
            return markdown(page, pictures)
        case "json":
            return json.dumps(page.document, indent=2, ensure_ascii=False) + "\n"
        case "csv":
            return rows_csv(page.records)


def _bundle(page: Page, *, static: bool) -> str:
    if static or not any(True for _ in page.plots()):
        return ""
    from autotune.report.page.bundle import plotly_bundle

    return plotly_bundle()


def write_report(path: Path, text: str, form: Form) -> None:
    """`text` at `path`, whole or not at all.

    Raises `UserError` where there can be no such file, or where an HTML file is no report of ours.
    """
    if not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent}", "give a path in a folder that exists")
    if path.is_dir():
        raise UserError(f"{path} is a folder", "give the name of a file")
    if form == "html" and path.exists() and not _is_ours(path):
        raise UserError(f"{path} exists and is no report of this command", "give another name")
    write_text_atomic(path, text)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(MARK)) == MARK.encode()


def write_plots(page: Page, folder: Path, form: PlotForm = "svg") -> dict[str, Path]:
    """Each plot as a file in `folder`, by the figure's name.

    Raises `UserError` when `folder` is something else, `MachineError` when the disk refuses and
    where PNG is asked and cannot be drawn; nothing is written then.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is no folder", "give the name of a folder for the plots")
    if form == "png":
        from autotune.report.page.png import check_png

        check_png()
    written = {}
    for plot in page.plots():
        path = folder / f"{file_name(plot.figure.name)}.{form}"
        write_bytes_atomic(path, _picture(plot.figure, form))
        written[plot.figure.name] = path
    return written


def _picture(figure: Figure, form: PlotForm) -> bytes:
    if form == "svg":
        return alone(figure).encode()
    from autotune.report.page.png import png

    return png(figure)


def file_name(name: str) -> str:
    """A figure's name as that of a file: letters, digits, dashes and dots."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "plot"
