"""``autotune report``: what was found, as a page to read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.find import find_study
from autotune.cli.io import CommandIO
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autotune.report.page.model import Page

Format = Literal["html", "md", "json", "csv"]
PlotFormat = Literal["svg", "png"]
NAME = "report.html"


class Report(StudiesSettings):
    """What was found, as one page that needs no network.

    The page holds the verdict with its interval, before and after by depth, every turn, the reuse
    that was lost, all trials, the noise, where the time went, and the command that starts the
    winner. It is one file: keep it, send it, print it. It holds no text of your sessions, but
    session names, paths of this machine and the command line.

    STUDY is a study of autotune run, the folder of an autotune compare, or a table of autotune
    replay; of several studies it is a page that sets them side by side, one GPU against another or
    last night against last month.

    HTML is written into the study's folder (report.html); the other forms go to stdout.

    Examples:
        autotune report my-study --open
        autotune report my-study --output /tmp/my-study.html --plots /tmp/plots
        autotune report my-study --plots plots --plots-format png
        autotune report my-study --format md > issue.md
        autotune report last-month last-night --output change.html
    """

    study: CliPositionalArg[list[str]] = Field(description="names or folders of what to report")
    format: Format = Field("html", description="what is written")
    output: Path | None = Field(
        None, description="write here (default: report.html in the study's folder, else stdout)"
    )
    plots: Path | None = Field(
        None, description="also write each plot as a file into this folder",
        json_schema_extra={"metavar": "DIR"},
    )  # fmt: skip
    plots_format: PlotFormat | None = Field(
        None, description="what --plots writes: svg (default), in light and dark, or png, on white"
    )
    static: bool = Field(
        False, description="plots that cannot be pointed at, in a tenth of the bytes: no Plotly"
    )
    open: bool = Field(False, description="show it in the browser")

    def run(self, io: CommandIO) -> int:
        """Reads, and writes the page."""
        from autotune.report.page.sources import read_page

        if self.open and self.format != "html":
            raise UserError("only HTML can be opened", "leave --format out, or --open")
        if self.plots_format is not None and self.plots is None:
            raise UserError("--plots-format is of files that --plots writes", "add --plots DIR")
        folders = [self._folder(name) for name in self.study]
        target = self._target(folders)
        page = read_page(folders, None if target is None else target.parent)
        plots = self._plots(page)
        if target is None:
            self._say(self._text(page, plots, Path()), io)
        else:
            self._write(page, plots, target, io)
        for path in plots.values():
            io.err.print(f"wrote {path}", markup=False, soft_wrap=True)
        return int(ExitCode.DONE)

    def _say(self, text: str, io: CommandIO) -> None:
        if io.json:
            io.emit_json({"format": self.format, "text": text})
        else:
            sys.stdout.write(text)

    def _folder(self, name: str) -> Path:
        """A study by its name, or any folder that is there."""
        from autotune.report.page.sources import kind_of

        for path in (self.studies_dir / name, Path(name), self.studies_dir / "paths" / name):
            if path.is_dir() and kind_of(path):
                return path
        if Path(name).is_dir():
            return Path(name)
        return find_study(self.studies_dir, name).path

    def _target(self, folders: list[Path]) -> Path | None:
        """Where it goes; ``None`` is stdout."""
        if self.output is not None or self.format != "html":
            return self.output
        return folders[0] / NAME if len(folders) == 1 else self.studies_dir / NAME

    def _plots(self, page: Page) -> dict[str, Path]:
        from autotune.report.page.writing import write_plots

        if self.plots is None:
            return {}
        return write_plots(page, self.plots, self.plots_format or "svg")

    def _text(self, page: Page, plots: Mapping[str, Path], base: Path) -> str:
        from autotune.report.page.writing import rendered

        pictures = {
            name: Path(os.path.relpath(path, base)).as_posix() for name, path in plots.items()
        }
        return rendered(page, self.format, static=self.static, pictures=pictures)

    def _write(self, page: Page, plots: Mapping[str, Path], target: Path, io: CommandIO) -> None:
        from autotune.report.page.writing import write_report

        write_report(target, self._text(page, plots, target.parent), self.format)
        io.err.print(f"wrote {target}", markup=False, soft_wrap=True)
        if io.json:
            told = {name: str(path) for name, path in plots.items()}
            io.emit_json({"format": self.format, "output": target, "plots": told})
        if self.open:
            _open(target)


def _open(target: Path) -> None:
    """Raises `UserError` where there is no browser."""
    import webbrowser

    if not webbrowser.open(target.resolve().as_uri()):
        raise UserError(f"no browser was found for {target}", "open the file yourself")
