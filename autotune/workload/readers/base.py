"""What a reader of one capture format is, and the evidence by which it is chosen.

Captures come as lines of JSON, as one JSON document, or as a folder whose files belong together. A
format is one reader of one of these kinds, and one entry in the table of its kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Session


class Reader(Protocol):
    """One capture format."""

    @property
    def name(self) -> str:
        """The format's name, as reports and `origin` give it."""

    @property
    def description(self) -> str:
        """One line that tells a user which files these are."""

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """Every session of `file`, as soon as it is complete; damage goes to `ledger`."""


class LineReader(Reader, Protocol):
    """A format of JSON lines, told by the key sets of the first of them."""

    def claims(self, line: Mapping[str, Any]) -> bool:
        """Whether the key set of this line is evidence for the format."""


class DocumentReader(Reader, Protocol):
    """A format of one JSON document a file."""

    def claims_document(self, document: Any) -> bool:
        """Whether the shape of this document is that of the format."""


class FolderReader(Reader, Protocol):
    """A format of several files that only make sense together; `read` is given the folder."""

    def claims_folder(self, folder: Path, names: Sequence[str]) -> bool:
        """Whether the files called `names` in `folder` are one capture of the format."""


def file_hash(path: Path) -> str:
    """``sha256:...`` of the bytes on disk: names a capture without giving its name away."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
