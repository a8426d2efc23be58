"""Readers of capture formats, one file each, named in one explicit dict."""

from __future__ import annotations

from autotune.workload.readers.base import Reader
from autotune.workload.readers.capture1 import Capture1Reader
from autotune.workload.readers.fizeau import FizeauReader

READERS: dict[str, Reader] = {reader.name: reader for reader in (Capture1Reader(), FizeauReader())}
"""Every format that can be read, by name. A new one is a file here and an entry above."""

__all__ = ["READERS", "Reader"]
