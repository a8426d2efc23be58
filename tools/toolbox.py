"""What the helper scripts share: the cache, checked downloads and atomic writes."""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""


class ToolError(Exception):
    """A script cannot go on; the message is one line that says what to do."""


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_CACHE_HOME/autotune``, by default ``~/.cache/autotune``; it may not exist yet.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG base directory specification asks.
    """
    xdg = environ.get("XDG_CACHE_HOME", "")
    base = Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".cache"
    return base / "autotune"


def sha256(path: Path) -> str:
    """The hex digest of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def demand_sha256(path: Path, expected: str) -> None:
    """Raise `ToolError` unless the file is exactly the one that was pinned."""
    if (found := sha256(path)) != expected:
        raise ToolError(f"{path.name} has sha256 {found}, expected {expected}: delete it and retry")


def run(argv: Sequence[str | Path], cwd: Path | None = None) -> None:
    """Run a command with its output shown; raises `ToolError` where it fails or is not there.

    A script given as an argument is not shown.
    """
    words = [str(word) for word in argv]
    say("$ " + " ".join("..." if "\n" in word else word for word in words))
    try:
        subprocess.run(words, cwd=cwd, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    except FileNotFoundError as err:
        raise ToolError(f"{words[0]} is not installed: install it and retry") from err
    except subprocess.CalledProcessError as err:
        raise ToolError(f"{words[0]} failed with exit code {err.returncode}: see above") from err


def pip_download(requirement: str, into: Path, *options: str) -> Path:
    """The one file that pip fetches for `requirement`, without its dependencies."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(into)]
    run([*pip, *options, requirement])
    (path,) = into.iterdir()
    return path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path to write to, which becomes `target` in one step when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".partial-") as scratch:
        partial = Path(scratch) / target.name
        yield partial
        partial.replace(target)


def say(text: str) -> None:
    """A line for the person watching: stderr, so that stdout stays data."""
    print(text, file=sys.stderr, flush=True)


def provide(
    argv: Sequence[str] | None, about: str, default: Path, fetch: Callable[[Path], None]
) -> int:
    """The whole script that puts one file where ``--output`` says, unless it is there already.

    `about` is the script's docstring; the exit code is 1 when `fetch` cannot get the file.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--output", type=Path, default=default, help="default: %(default)s")
    target: Path = parser.parse_args(argv).output
    try:
        if not target.exists():
            fetch(target)
    except ToolError as err:
        say(f"error: {err}")
        return 1
    answer(target)
    return 0


def answer(text: object) -> None:
    """What the script answers, on stdout."""
    print(text, flush=True)
