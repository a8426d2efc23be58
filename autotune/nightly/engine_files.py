"""The libraries that an engine's program comes with: another one is another build."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from autotune.errors import MachineError, UserError
from autotune.nightly.sampled_hash import HashCache

_ENDINGS = (".so", ".dylib", ".dll")
_ENGINES = ("libllama", "libggml", "libmtmd")
"""What llama.cpp installs into ``lib`` beside its ``bin``; others stand beside the program."""

MOST = 128
"""A folder with more libraries is the system's, not an engine's."""


def libraries_sha256(program: Path, hashes: HashCache) -> str | None:
    """One hash over the libraries that `program` comes with; ``None`` where it has none."""
    files = sorted({path.resolve() for path in _libraries(program.resolve())})
    if not files or len(files) > MOST:
        return None
    total = hashlib.sha256()
    for path in files:
        try:
            total.update(f"{path.name} {hashes.hashed(path).sha256}\n".encode())
        except (UserError, MachineError):
            total.update(f"{path.name} unreadable\n".encode())
    return total.hexdigest()


def _libraries(program: Path) -> Iterator[Path]:
    beside = program.parent
    yield from _in(beside, "")
    if beside.name == "bin":
        for name in _ENGINES:
            yield from _in(beside.parent / "lib", name)


def _in(folder: Path, prefix: str) -> Iterator[Path]:
    """Libraries with a version behind their ending too (``libggml.so.0``)."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        ending = any(path.name.endswith(e) or f"{e}." in path.name for e in _ENDINGS)
        if ending and path.name.startswith(prefix) and path.is_file():
            yield path
