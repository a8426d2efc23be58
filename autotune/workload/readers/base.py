"""What a reader of one capture format is, and the evidence by which it is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Session


class Reader(Protocol):
    """One capture format. Adding a format is one file and one entry in `READERS`."""

    @property
    def name(self) -> str:
        """The format's name, as reports and `origin` give it."""

    @property
    def description(self) -> str:
        """One line that tells a user which files these are."""

    def claims(self, line: Mapping[str, Any]) -> bool:
        """Whether the key set of this line is evidence for the format."""

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """Every session of `file`, as soon as it is complete; damage goes to `ledger`."""


def file_hash(path: Path) -> str:
    """``sha256:...`` of the bytes on disk: names a capture without giving its name away."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
