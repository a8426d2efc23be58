"""The target formats by name: how each is rendered, and what its file is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.export.json_config import render_json
from autotune.export.model import ExportConfig
from autotune.export.shell import render_shell

if TYPE_CHECKING:
    from autotune.study.folder import StudyFolder


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One target format. `mode` are the permissions of a file of it."""

    render: Callable[[ExportConfig, bool], str]
    file_name: str
    mode: int


FORMATS: Mapping[str, ExportFormat] = {
    "shell": ExportFormat(render_shell, "serve.sh", 0o755),
    "json": ExportFormat(render_json, "config.json", 0o644),
}


def write_export(path: Path, config: ExportConfig, format_name: str, full: bool = False) -> None:
    """`config` in one format, atomically. Raises `MachineError` when the disk refuses."""
    from autotune.study.files import write_text_atomic

    target = FORMATS[format_name]
    write_text_atomic(path, target.render(config, full), mode=target.mode)


def write_all(folder: StudyFolder, config: ExportConfig) -> tuple[Path, ...]:
    """`config` in every format, into the study's ``exports/``; their paths.

    Raises `MachineError` when the disk refuses.
    """
    paths = []
    for name, target in FORMATS.items():
        path = folder.exports / target.file_name
        write_export(path, config, name)
        paths.append(path)
    return tuple(paths)
