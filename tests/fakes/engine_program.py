"""A fake engine as a program: what a launcher finds on PATH and starts."""

from __future__ import annotations

import sys
from pathlib import Path

FAKES = Path(__file__).resolve().parent


def make_program(folder: Path, name: str, fake: str, *faults: str) -> Path:
    """``folder/name``, which runs ``tests/fakes/fake`` with `faults`."""
    folder.mkdir(parents=True, exist_ok=True)
    words = " ".join(f"--fault {fault}" for fault in faults)
    path = folder / name
    script = f'#!/bin/sh\nexec "{sys.executable}" "{FAKES / fake}" {words} "$@"\n'
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return path
