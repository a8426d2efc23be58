"""What may be said about an export besides its format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from autotune.errors import UserError
from autotune.export.model import ExportConfig

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """`full` writes every setting; `name` is what the model or service is called; `image` is a
    container image. Absent ones are chosen by the format."""

    full: bool = False
    name: str | None = None
    image: str | None = None


def service_name(config: ExportConfig, options: ExportOptions) -> str:
    """The asked name, else the model's file name without its ending.

    Raises `UserError` for a name with anything but letters, digits, dots, dashes, underscores.
    """
    if options.name is not None:
        if not _NAME.fullmatch(options.name):
            raise UserError(
                f"{options.name!r} cannot be a name in an export",
                "use letters, digits, dots, dashes and underscores",
            )
        return options.name
    model = PurePosixPath(config.provenance.model or config.provenance.study)
    stem = model.name.removesuffix(".gguf")
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    return cleaned or "model"


def dns_name(name: str) -> str:
    """`name` as a label of DNS: lower case, a letter first, then digits and dashes too, to 63."""
    cleaned = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    cleaned = cleaned if cleaned[:1].isalpha() else f"model-{cleaned}".strip("-")
    return cleaned[:63].strip("-")
