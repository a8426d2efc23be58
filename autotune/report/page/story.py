"""The report on a terminal, beside what ``autotune study show`` says of a study anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotune.report.page.sources import read_page
from autotune.report.page.terminal import print_sections

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.study.folder import StudyFolder

_TOLD = frozenset({"trials", "origin", "arms", "usual"})
"""Sections whose tables are printed already."""


def print_story(folder: StudyFolder, console: Console) -> None:
    """Before and after, turn by turn, reuse, TTFT against decode, noise, time, what to start."""
    page = read_page([folder.path])
    shown = [one for one in page.sections if not one.name.startswith("engine-")]
    last = [one for one in shown if one.name == "launch"]
    print_sections([*(one for one in shown if one.name != "launch"), *last], console, _TOLD)
