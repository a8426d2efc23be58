"""A summary for sharing: that it is whole, and that nothing private is in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.share import REQUIRED
from autotune.export.verify.outcome import Verification

_PATH = re.compile(r"(?<![\w:/.])/[^\s/:'\"]+/[^\s:'\"]+")


def verify_share(path: Path, config: ExportConfig, options: ExportOptions) -> Verification:
    """The summary at `path`; nothing is sent anywhere."""
    del config, options
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return Verification(format="share", started=False, problems=(f"not JSON: {error}",))
    missing = document["to_fill"]
    return Verification(
        format="share",
        started=False,
        problems=_problems(document),
        checked=("JSON", "its fields", "no path of this machine is in it"),
        unchecked=(f"left to fill: {', '.join(missing)}",) if missing else (),
    )


def _problems(document: dict[str, Any]) -> tuple[str, ...]:
    benchmark = document["benchmark"]
    absent = [name for name in REQUIRED if name not in benchmark]
    found = [f"no field {name}" for name in absent]
    if leak := _PATH.search(json.dumps(document)):
        found.append(f"a path of this machine is in it: {leak[0]}")
    return tuple(found)
