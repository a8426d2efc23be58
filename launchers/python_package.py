"""Engines that are Python packages: which build is behind a console script.

The script that pip writes is the same for every version of a package; what tells builds apart is
the package's own list of its files and their hashes, read by `vllm_probe` in the engine's Python.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import MachineError
from autotune.launchers import vllm_probe
from autotune.launchers.program import output_of

_HEAD_BYTES = 1024
_SHEBANG = re.compile(
    r"^#!\s*(\S*python[\d.]*t?)\s*$|^'''exec' \"?([^\"]*?python[\d.]*t?)\"? ", re.MULTILINE
)
"""The second form is what pip writes where a path is too long for a first line."""

_RUN = (
    "import json, sys; sys.path[:] = [p for p in sys.path if p]; told = {'__name__': 'probe'}; "
    "exec(compile(sys.argv[1], 'probe', 'exec'), told); "
    "print(json.dumps(told['facts'](sys.argv[2])))"
)


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package: its version, and a SHA-256 over what differs between its builds."""

    version: str
    sha256: str


def is_python(program: Path) -> bool:
    """Whether the file's name is that of an interpreter."""
    return re.fullmatch(r"python[0-9.]*t?", program.name) is not None


def interpreter_of(script: Path) -> str | None:
    """The Python that a console script runs with, from its first lines; ``None`` for others."""
    with script.open("rb") as file:
        head = file.read(_HEAD_BYTES).decode(errors="replace")
    found = _SHEBANG.search(head)
    return (found[1] or found[2]) if found is not None else None


def installed(python: Path, package: str, env: Mapping[str, str]) -> Package | None:
    """`package` as `python` has it; ``None`` where it has none, or does not run."""
    source = Path(vllm_probe.__file__).read_text(encoding="utf-8")
    try:
        told = output_of([str(python), "-c", _RUN, source, package], env, "")
        facts = json.loads(told.strip().splitlines()[-1])
    except (MachineError, ValueError, IndexError):
        return None
    return None if "problem" in facts else Package(facts["version"], facts["sha256"])
