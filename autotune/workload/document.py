"""One JSON document from a plain, gzip or zstandard file, damage counted."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import BOM, DECODER, CaptureFile, open_capture, why_broken

MAX_DOCUMENT_BYTES = 1024 * 1024 * 1024
"""Documents above this are refused: they are held in memory as a whole, several times over."""


def read_document(file: CaptureFile, ledger: DamageLedger) -> Any:
    """The JSON value that `file` is; ``None``, and damage in `ledger`, when it is none.

    Raises `UserError` as `open_capture` does.
    """
    data = _bytes_of(file, ledger)
    if data is None:
        return None
    if data.startswith(BOM):
        ledger.add(file.name, DamageKind.BOM, 1)
        data = data.removeprefix(BOM)
    try:
        return DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        ledger.add(file.name, DamageKind.BAD_JSON, 0, why_broken(error))
        return None


def _bytes_of(file: CaptureFile, ledger: DamageLedger) -> bytes | None:
    import zstandard

    with open_capture(file.path) as stream:
        try:
            data = stream.read(MAX_DOCUMENT_BYTES + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
            detail = f"compressed data ends early or is corrupt: {error}"
            ledger.add(file.name, DamageKind.TORN_FILE, 0, detail)
            return None
    if len(data) > MAX_DOCUMENT_BYTES:
        ledger.add(file.name, DamageKind.OVERLONG_LINE, 0, "the document is over 1 GiB")
        return None
    return data
