"""Models in several files: ``name-00001-of-00003.gguf`` and its siblings."""

from __future__ import annotations

import re
from pathlib import Path

from autotune.errors import UserError
from autotune.models.gguf import GgufHeader, read_gguf

_PART = re.compile(r"^(?P<stem>.*)-(?P<part>\d{5})-of-(?P<total>\d{5})\.gguf$")
MAX_PARTS = 1000


def read_parts(first: GgufHeader) -> tuple[GgufHeader, ...]:
    """The headers of all parts of a model, `first` included; just `first` when it is whole.

    Raises `UserError` when `first` is not the first part or another part is missing.
    """
    total = first.metadata.get("split.count")
    if not isinstance(total, int) or total <= 1:
        return (first,)
    paths = part_paths(first.path, total)
    if first.metadata.get("split.no", 0) != 0 or first.path != paths[0]:
        raise UserError(
            f"{first.path} is not the first part of the model", f"give {paths[0]} instead"
        )
    return (first, *(read_gguf(path) for path in paths[1:]))


def part_paths(path: Path, total: int) -> tuple[Path, ...]:
    """Where the `total` parts of the model with a part at `path` are."""
    match = _PART.match(path.name)
    if match is None or int(match["total"]) != total or not 0 < total <= MAX_PARTS:
        raise UserError(
            f"{path} is one of {total} parts, but its name does not say which",
            f"restore its name, e.g. model-00001-of-{total:05d}.gguf",
        )
    return tuple(
        path.with_name(f"{match['stem']}-{part:05d}-of-{total:05d}.gguf")
        for part in range(1, total + 1)
    )
