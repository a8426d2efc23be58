"""``autotune config show``: every setting and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import CliSubCommand

from autotune.cli.io import CommandIO
from autotune.cli.settings import validated
from autotune.config import Locations, Settings, read_layers
from autotune.config.layers import key_of
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console


class ConfigShow(BaseModel):
    """Every setting with its value.

    Examples:
        autotune config show
        autotune config show --origins
        autotune config show --origins --json
    """

    model_config = ConfigDict(extra="forbid")

    origins: bool = Field(False, description="say where each value comes from")

    def run(self, io: CommandIO) -> int:
        """Reads the files and the environment and shows what they amount to."""
        places = Locations.of(os.environ, Path.cwd())
        rows = setting_rows(places)
        if io.json:
            io.emit_json(_document(rows, places, self.origins))
        else:
            _print(rows, places, io.out, self.origins)
        return int(ExitCode.DONE)


class Config(BaseModel):
    """Every setting and where it comes from.

    Settings come from flags, then AUTOTUNE_NAME in the environment, then ./autotune.toml, then
    ~/.config/autotune/config.toml, then defaults.

    Examples:
        autotune config show --origins
    """

    show: CliSubCommand[ConfigShow]


def setting_rows(places: Locations) -> list[tuple[str, Any, str]]:
    """Key, value and origin of every setting. Raises `UserError` for a value that is none."""
    layers = read_layers(places)
    settings = validated(Settings, layers, "autotune config show")
    values = settings.model_dump(mode="json")
    return [(key_of(name), values[name], layers.origin(name).label) for name in values]


def _document(rows: list[tuple[str, Any, str]], places: Locations, origins: bool) -> dict[str, Any]:
    if not origins:
        return {key: value for key, value, _ in rows}
    return {
        "files": [str(places.project_file), str(places.user_file)],
        "settings": {key: {"value": value, "origin": origin} for key, value, origin in rows},
    }


def _print(
    rows: list[tuple[str, Any, str]], places: Locations, console: Console, origins: bool
) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value, origin in rows:
        cells = [key, _shown(value)]
        if origins:
            cells.append("" if origin == "default" else origin)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    if origins:
        for path in (places.project_file, places.user_file):
            state = "read" if path.is_file() else "not there"
            console.print(Text(f"{path}: {state}", style="dim"), soft_wrap=True)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return " ".join(f"{k}={v}" for k, v in value.items()) or "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
