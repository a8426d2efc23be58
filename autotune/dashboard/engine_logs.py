"""Engine logs of a trial: which they are, and what of a huge one is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

HEAD_BYTES = 256 * 1024
"""How an engine was started, and with what, stands at the head of its log."""

TAIL_BYTES = 1024 * 1024
"""Why it ended stands at its tail."""

_LOG = re.compile(r"(?:.+-)?(trial-\d{4,}|default)(?:-b\d+)?\.log")


def logs_by_arm(folder: Path) -> dict[str, list[Path]]:
    """The logs in `folder` by the trial that was launched, those of its confirmation included.

    Launches of the engine's defaults in a confirmation are under ``default``.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.log")):
        if told := _LOG.fullmatch(path.name):
            found.setdefault(told[1], []).append(path)
    return {arm: sorted(paths, key=_order) for arm, paths in found.items()}


def _order(path: Path) -> tuple[bool, str]:
    """The search's own launch first."""
    return not path.name.startswith("trial-"), path.name


def shown_log(path: Path) -> bytes:
    """The log, or the head and the tail of one that is huge, with what was left out between."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            if size <= HEAD_BYTES + TAIL_BYTES:
                return stream.read()
            head = stream.read(HEAD_BYTES)
            stream.seek(size - TAIL_BYTES)
            return _cut(head, stream.read(), size, path)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}\n".encode()


def _cut(head: bytes, tail: bytes, size: int, path: Path) -> bytes:
    """Both parts end and begin with whole lines."""
    head = head[: head.rfind(b"\n") + 1] or head
    tail = tail[tail.find(b"\n") + 1 :] or tail
    left_out = size - len(head) - len(tail)
    line = f"\n[... {left_out:,} bytes are left out here; the whole log is {path} ...]\n\n"
    return head + line.encode() + tail


def all_logs(found: dict[str, list[Path]]) -> Sequence[Path]:
    """Every log of `logs_by_arm`."""
    return [path for paths in found.values() for path in paths]
