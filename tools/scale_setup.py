"""Make ready what the tests on many workers need, and print the folder of PostgreSQL's programs.

PostgreSQL is the system's own: found, or installed from Debian's packages where that is allowed.
Ray, the database's and the bucket's clients and a small S3 server go into a virtual environment of
their own, so that the one that everything else is tested in shows that none of it is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from toolbox import ROOT, ToolError, answer, replacing, run, say, sha256

EXTRAS = ("dev", "postgres", "ray", "reference", "s3")
BESIDES = ("moto[server]>=5.1",)
"""What only the tests want: an S3 server in Python."""

PROGRAMS = ("initdb", "pg_ctl", "postgres")
POSTGRES_FOLDERS = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt")
_INSTALL = "apt-get install --yes --no-install-recommends postgresql"
_OWN_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")


def default_venv() -> Path:
    """Beside the repository's other environment."""
    return ROOT / ".venv-scale"


def python_of(venv: Path) -> Path:
    """The Python that the tests are run with."""
    return venv / "bin" / "python"


def recipe() -> dict[str, object]:
    """What decides the environment; kept in it as ``install.json``."""
    return {
        "schema_version": "scale-install/1",
        "extras": list(EXTRAS),
        "besides": list(BESIDES),
        "pyproject_sha256": sha256(ROOT / "pyproject.toml"),
        "python": ".".join(str(part) for part in sys.version_info[:2]),
    }


def is_current(venv: Path) -> bool:
    """Whether the environment is whole and what the recipe would make with this Python."""
    try:
        stamp = json.loads((venv / "install.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return python_of(venv).exists() and bool(stamp == recipe())


def provide_venv(venv: Path) -> None:
    """Make the environment current, doing nothing where it is."""
    if is_current(venv):
        return
    say(f"a virtual environment with Ray, psycopg, boto3 and moto in {venv}")
    shutil.rmtree(venv, ignore_errors=True)
    run([sys.executable, "-m", "venv", venv])
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([python_of(venv), *pip, "--editable", f".[{','.join(EXTRAS)}]", *BESIDES], cwd=ROOT)
    with replacing(venv / "install.json") as partial:
        partial.write_text(json.dumps(recipe(), indent=2) + "\n", encoding="utf-8")


def postgres_folder(bases: Iterable[str] = POSTGRES_FOLDERS) -> Path | None:
    """The folder of the newest PostgreSQL that can make a database; ``None`` without any."""
    found = [path for base in bases for path in Path(base).glob("*/bin") if _is_whole(path)]
    on_path = shutil.which("initdb")
    if on_path is not None and _is_whole(Path(on_path).resolve().parent):
        found.append(Path(on_path).resolve().parent)
    return max(found, key=_version, default=None)


def _is_whole(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in PROGRAMS)


def _version(folder: Path) -> int:
    """The major version in a path such as ``/usr/lib/postgresql/15/bin``; 0 where none is."""
    digits = "".join(c for c in folder.parent.name if c.isdigit())
    return int(digits) if digits else 0


def provide_postgres() -> Path:
    """PostgreSQL's programs, installed from Debian's packages where root may do that.

    Raises `ToolError` where they are not there and cannot be installed.
    """
    if (folder := postgres_folder()) is None:
        _install_postgres()
        folder = postgres_folder()
    if folder is None:
        raise ToolError(f"PostgreSQL is not here: run {_INSTALL}, and this again")
    return folder


def _install_postgres() -> None:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise ToolError(f"PostgreSQL is not here: run {_INSTALL}, and this again")
    say("PostgreSQL from Debian's packages")
    if not _OWN_CLUSTER.exists():
        # The tests make databases of their own: none is to be started on this machine.
        _OWN_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
        _OWN_CLUSTER.write_text("create_main_cluster = false\n", encoding="utf-8")
    run(["apt-get", "update"])
    run(_INSTALL.split())


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=default_venv(), help="default: %(default)s")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when something cannot be had."""
    venv: Path = parse(argv).output
    try:
        postgres = provide_postgres()
        provide_venv(venv)
    except ToolError as err:
        say(f"error: {err}")
        return 1
    answer(postgres)
    return 0


if __name__ == "__main__":
    sys.exit(main())
