"""The exported config as JSON: for programs, and for autotune itself to read back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from autotune.errors import UserError
from autotune.export.argv import short_argv
from autotune.export.model import ExportConfig, ExportProvenance

SCHEMA_VERSION = "export/1"

_Setting = bool | int | float | str


class _Document(BaseModel):
    """The file as it is on disk."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal["export/1"]
    provenance: dict[str, Any]
    settings: dict[str, _Setting]
    full_settings: dict[str, _Setting]
    argv: list[str] = Field(min_length=1)
    full_argv: list[str] = Field(min_length=1)
    env: dict[str, str]


def to_document(config: ExportConfig, full: bool = False) -> dict[str, Any]:
    """`config` as a JSON object. With `full`, `settings` and `argv` hold every setting."""
    settings = config.full_settings if full else config.settings
    return {
        "schema_version": SCHEMA_VERSION,
        "provenance": asdict(config.provenance),
        "settings": dict(settings),
        "full_settings": dict(config.full_settings),
        "argv": list(short_argv(config.argv, settings, config.full_settings)),
        "full_argv": list(config.argv),
        "env": dict(config.env),
    }


def render_json(config: ExportConfig, full: bool = False) -> str:
    """The text of the file; `read_config` reads it back."""
    return json.dumps(to_document(config, full), indent=2, ensure_ascii=False) + "\n"


def read_config(path: Path) -> ExportConfig:
    """A config exported with ``--format json``. Raises `UserError` for anything else."""
    try:
        document = _Document.model_validate_json(path.read_bytes())
        provenance = TypeAdapter(ExportProvenance).validate_python(document.provenance)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", _HINT) from error
    except ValidationError as error:
        raise UserError(f"{path} is no exported config: {_first(error)}", _HINT) from error
    return ExportConfig(
        settings=document.settings,
        full_settings=document.full_settings,
        argv=tuple(document.full_argv),
        env=document.env,
        provenance=provenance,
    )


_HINT = "make one with: autotune export STUDY --format json --output FILE"


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where}: {detail['msg']}" if where else detail["msg"]
