"""What programs said when they were asked, kept while the programs stay as they are.

An engine written in Python imports for ten seconds before it prints its ``--help``. Inside
`remembering` an answer is looked up first. It counts while the program's path, size, time and hash
are the same, and so are the scripts in its command and the packages of its Python. Sources that
are edited in place are not seen: that is what asking afresh is for.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_PACKAGES = ("lib/python3*/site-packages", "lib/python3*/dist-packages")
_HEAD_BYTES = 1024
_SHEBANG = re.compile(r"\A#!.*?(\S*python[\d.]*)\s*$", re.MULTILINE)
_LONG_SHEBANG = re.compile(r"^'''exec' \"?([^\s\"]*python[\d.]*)", re.MULTILINE)
"""What pip writes where a path is too long for a first line."""


@dataclass(frozen=True, slots=True)
class ProbeMemory:
    """Answers in `folder`, one file a command. With `fresh` none is read, and all are written."""

    folder: Path
    fresh: bool = False

    def recall(self, argv: Sequence[str], state: Any) -> str | None:
        """What `argv` said when everything was in `state`, if that is known."""
        if self.fresh:
            return None
        with suppress(OSError, ValueError):
            stored = json.loads(self._file(argv).read_text(encoding="utf-8"))
            if isinstance(stored, dict) and stored.get("state") == state:
                text = stored.get("text")
                return text if isinstance(text, str) else None
        return None

    def keep(self, argv: Sequence[str], state: Any, text: str) -> None:
        """Remember it, if the folder can be written; an older answer of `argv` is replaced."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self._file(argv)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps({"state": state, "text": text}), encoding="utf-8")
            part.replace(file)

    def _file(self, argv: Sequence[str]) -> Path:
        name = hashlib.sha256(json.dumps(list(argv)).encode()).hexdigest()[:32]
        return self.folder / f"{name}.json"


_MEMORY: ContextVar[ProbeMemory | None] = ContextVar("probe_memory", default=None)


@contextmanager
def remembering(memory: ProbeMemory) -> Iterator[None]:
    """Inside the block, commands that were answered before are not run again."""
    token = _MEMORY.set(memory)
    try:
        yield
    finally:
        _MEMORY.reset(token)


def recalled(argv: Sequence[str], env: Mapping[str, str], ask: Callable[[], str]) -> str:
    """What `argv` said before where that is remembered and still holds, else what `ask` gives."""
    memory = _MEMORY.get()
    if memory is None or (state := state_of(argv, env)) is None:
        return ask()
    known = memory.recall(argv, state)
    if known is not None:
        return known
    text = ask()
    memory.keep(argv, state, text)
    return text


def state_of(argv: Sequence[str], env: Mapping[str, str]) -> Any | None:
    """What an answer of `argv` depends on, as JSON; ``None`` where the program is not there."""
    found = shutil.which(argv[0], path=env.get("PATH"))
    if found is None:
        return None
    program = Path(found)
    files = [Path(word) for word in argv[1:] if os.sep in word and _names_a_file(word)]
    files += _module_files(argv)
    python = interpreter(program)
    packages = package_folders(python, env) if python is not None else []
    stamps = [_stamp(path) for path in (*files, *packages)]
    return [_stamp(program), _digest(str(program), *_stamp(program)[1:]), *stamps]


def _names_a_file(word: str) -> bool:
    """Whether there is such a file: the source of a script is too long to be a name."""
    try:
        return Path(word).is_file()
    except OSError:
        return False


def _stamp(path: Path) -> list[Any]:
    """Path, size and time of change in ns."""
    stat = path.stat()
    return [str(path), stat.st_size, stat.st_mtime_ns]


@lru_cache(maxsize=64)
def _digest(path: str, _size: int, _mtime_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _module_files(argv: Sequence[str]) -> list[Path]:
    """The file of the module after ``-m``, where it is our own Python that runs it."""
    if argv[0] != sys.executable or "-m" not in argv[:-1]:
        return []
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(argv[argv.index("-m") + 1])
        if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
            return [Path(spec.origin)]
    return []


def interpreter(program: Path) -> Path | None:
    """The Python that runs `program`: itself, or what its first line names."""
    if program.name.startswith("python"):
        return program
    with program.open("rb") as file:
        head = file.read(_HEAD_BYTES).decode(errors="replace")
    found = _SHEBANG.search(head) or _LONG_SHEBANG.search(head)
    named = shutil.which(found[1]) if found is not None else None
    return Path(named) if named is not None else None


def package_folders(python: Path, env: Mapping[str, str]) -> list[Path]:
    """Where `python` has its packages: an installed or upgraded one changes the folder's time."""
    prefixes = dict.fromkeys((python.parent.parent, python.resolve().parent.parent))
    roots = [*prefixes, *(prefix / "local" for prefix in prefixes)]
    if user := env.get("PYTHONUSERBASE"):
        roots.append(Path(user))
    return sorted(path for root in roots for pattern in _PACKAGES for path in root.glob(pattern))
