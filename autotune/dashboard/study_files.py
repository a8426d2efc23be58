"""What the dashboard offers with a study: its report, the plots of it, and what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.dashboard.engine_logs import shown_log
from autotune.dashboard.pages import report_html
from autotune.dashboard.shelf import Artifact

if TYPE_CHECKING:
    from autotune.report.page.figures import Figure
    from autotune.study.folder import StudyFolder

REPORT, CONTEST = "report.html", "contest-report.html"
_DOCUMENTS = ("provenance.json", "result.json")


@dataclass(frozen=True, slots=True)
class StudyFiles:
    """The files of `folder`. `contest` is the folder of the contest that it is a side of.

    `figures` are the plots of its report, and `logs` gives the addresses of its engine logs.
    """

    folder: StudyFolder
    figures: Mapping[str, Figure]
    contest: StudyFolder | None = None
    logs: Callable[[], Mapping[str, str]] = field(default=dict)

    def all(self) -> Iterator[Artifact]:
        """Reports first, then plots, launch configs, and the rest."""
        yield self._artifact(REPORT, self._report)
        if self.contest is not None:
            yield self._artifact(CONTEST, partial(report_html, self.contest.path, {}))
        for name, figure in self.figures.items():
            yield self._artifact(name, partial(_drawn, figure))
        for path in self._on_disk():
            yield self._artifact(path.name, partial(shown_log, path))

    def _artifact(self, name: str, read: Callable[[], bytes]) -> Artifact:
        return Artifact(str(self.folder.path.resolve()), name, read)

    def _report(self) -> bytes:
        return report_html(self.folder.path, self.logs())

    def _on_disk(self) -> Iterator[Path]:
        if self.folder.exports.is_dir():
            yield from sorted(path for path in self.folder.exports.iterdir() if path.is_file())
        named = [self.folder.path / name for name in _DOCUMENTS]
        yield from (p for p in (*named, self.folder.logs / "survey.log") if p.is_file())


def _drawn(figure: Figure) -> bytes:
    from autotune.report.page.drawn import alone

    return alone(figure).encode()
