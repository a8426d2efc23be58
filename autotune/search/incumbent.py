"""The config in use now, from a file that ``autotune export --format json`` wrote."""

from __future__ import annotations

import json
from pathlib import Path

from autotune.candidate import Setting
from autotune.errors import UserError


def read_incumbent(path: Path | None) -> dict[str, Setting] | None:
    """Settings that differ from the defaults, by flag name. Raises `UserError`."""
    if path is None:
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}", "give an exported JSON config") from None
    settings = data.get("settings") if isinstance(data, dict) else None
    if not isinstance(settings, dict) or not all(_is_setting(v) for v in settings.values()):
        raise UserError(
            f"{path} holds no settings", "write it with: autotune export STUDY --format json"
        )
    return dict(settings)


def _is_setting(value: object) -> bool:
    return isinstance(value, bool | int | float | str)
