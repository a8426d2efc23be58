"""Limits that a container puts on this process: processor quota and memory, cgroup v1 and v2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/")

_MOUNT = Path("sys/fs/cgroup")
_UNLIMITED_BYTES = 1 << 60
"""cgroup v1 writes a number near 2^63 for no limit."""


def quota_cores(root: Path = ROOT) -> float | None:
    """Cores of processor time that this process may use at most; ``None`` without a quota."""
    quotas = [
        *(_v2_quota(folder) for folder in _folders(root, "")),
        *(_v1_quota(folder) for folder in _folders(root, "cpu")),
    ]
    return min((q for q in quotas if q is not None), default=None)


def memory_left_bytes(root: Path = ROOT) -> int | None:
    """Bytes until the tightest memory limit; ``None`` without one."""
    left = [
        *(_left(folder, "memory.max", "memory.current") for folder in _folders(root, "")),
        *(
            _left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes")
            for folder in _folders(root, "memory")
        ),
    ]
    return min((n for n in left if n is not None), default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """This process's group and those above it; a limit on any of them holds.

    `controller` is empty for v2. In a container the path may be the host's and not exist: then
    the mount itself is the group.
    """
    for line in _lines(root / "proc/self/cgroup"):
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if controller not in names.split(","):
            continue
        mount = root / _MOUNT / controller
        here = Path(path.lstrip("/"))
        for group in (here, *here.parents):
            if ".." not in group.parts:
                yield mount / group


def _v2_quota(folder: Path) -> float | None:
    fields = " ".join(_lines(folder / "cpu.max")).split()
    if len(fields) != 2 or fields[0] == "max":
        return None
    return _ratio(fields[0], fields[1])


def _v1_quota(folder: Path) -> float | None:
    quota, period = _lines(folder / "cpu.cfs_quota_us"), _lines(folder / "cpu.cfs_period_us")
    if not quota or not period or quota[0].startswith("-"):
        return None
    return _ratio(quota[0], period[0])


def _ratio(quota: str, period: str) -> float | None:
    with suppress(ValueError, ZeroDivisionError):
        return int(quota) / int(period)
    return None


def _left(folder: Path, limit_name: str, used_name: str) -> int | None:
    limit, used = _number(folder / limit_name), _number(folder / used_name)
    if limit is None or used is None or limit >= _UNLIMITED_BYTES:
        return None
    return max(limit - (used - _reclaimable(folder)), 0)


def _reclaimable(folder: Path) -> int:
    """File cache counts as used, and is given back when memory is asked for."""
    for line in _lines(folder / "memory.stat"):
        name, _, value = line.partition(" ")
        if name in {"inactive_file", "total_inactive_file"} and value.isdigit():
            return int(value)
    return 0


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _lines(path: Path) -> list[str]:
    """The file's lines; empty where it is not there or not ours to read."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []
