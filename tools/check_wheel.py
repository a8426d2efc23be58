"""Build the wheel as a release would, and prove it by using it.

The sdist is built first and the wheel from the sdist, so that a stale ``build/`` cannot leak in.
Then the wheel's contents are checked, it is installed into a clean environment, and the command
and the packaged data are used from another directory.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

from toolbox import ROOT, ToolError, answer, run, say

SMOKE = """
import importlib, importlib.util, tomllib
from importlib.resources import files
for name in ("launchers", "search_spaces", "tools", "tests"):
    assert importlib.util.find_spec(name) is None, f"{name} is importable at the top level"
for package in %r:
    importlib.import_module(package)
for package, folder in %r:
    tables = [p for p in (files(package) / folder).iterdir() if p.name.endswith(".toml")]
    assert tables, f"no TOML in {package}/{folder}"
    for table in tables:
        tomllib.loads(table.read_text(encoding="utf-8"))
print("the installed package works from", __import__("os").getcwd())
"""


def setuptools_table(root: Path) -> dict[str, object]:
    """The ``tool.setuptools`` table of pyproject.toml."""
    with (root / "pyproject.toml").open("rb") as stream:
        table: dict[str, object] = tomllib.load(stream)["tool"]["setuptools"]
    return table


def packages(root: Path) -> list[str]:
    """The packages that pyproject.toml lists."""
    listed = setuptools_table(root)["packages"]
    assert isinstance(listed, list)
    return [str(name) for name in listed]


def data_folders(root: Path) -> list[tuple[str, str]]:
    """Package and folder of every packaged ``*.toml`` pattern."""
    table = setuptools_table(root)["package-data"]
    assert isinstance(table, dict)
    pairs = [(package, pattern) for package, patterns in table.items() for pattern in patterns]
    return [(package, p.rpartition("/")[0]) for package, p in pairs if p.endswith(".toml")]


def unwanted_names(names: Iterable[str]) -> set[str]:
    """Top-level names in a wheel that are neither the package nor its metadata."""
    tops = {name.split("/", 1)[0] for name in names}
    return {top for top in tops if top != "autotune" and not top.endswith(".dist-info")}


def missing_files(root: Path, names: Iterable[str]) -> set[str]:
    """Package source and TOML files of the repository that the wheel does not hold."""
    held = set(names)
    folders = {"autotune": "autotune/", "launchers": "autotune/launchers/"}
    folders["search_spaces"] = "autotune/search_spaces/"
    wanted = {
        prefix + path.relative_to(root / folder).as_posix()
        for folder, prefix in folders.items()
        for path in (root / folder).rglob("*")
        if path.suffix in {".py", ".toml"} or path.name == "py.typed"
    }
    return wanted - held


def check_contents(wheel: Path, root: Path) -> None:
    """Raise `ToolError` when something is missing from the wheel or should not be in it."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if extra := unwanted_names(names):
        raise ToolError(f"{wheel.name} installs {sorted(extra)}: only autotune may be top-level")
    if missing := missing_files(root, names):
        raise ToolError(f"{wheel.name} lacks {sorted(missing)}: list them in pyproject.toml")


def build(root: Path, output: Path) -> Path:
    """Build sdist, then the wheel from it, into an emptied folder; answers the wheel."""
    shutil.rmtree(output, ignore_errors=True)
    run([sys.executable, "-m", "build", "--outdir", output, root])
    (wheel,) = output.glob("*.whl")
    return wheel


def smoke(wheel: Path, root: Path) -> None:
    """Install the wheel into a clean environment and use it from another directory."""
    with tempfile.TemporaryDirectory(prefix="autotune-wheel-") as name:
        scratch = Path(name)
        venv.create(scratch / "venv", with_pip=True)
        programs = scratch / "venv" / "bin"
        run([programs / "python", "-m", "pip", "install", "--quiet", wheel])
        script = SMOKE % (packages(root), data_folders(root))
        run([programs / "python", "-W", "error", "-c", script], cwd=scratch)
        run([programs / "autotune", "--help"], cwd=scratch)


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when the wheel is not fit to publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="default: %(default)s")
    output: Path = parser.parse_args(argv).output
    try:
        wheel = build(ROOT, output)
        check_contents(wheel, ROOT)
        smoke(wheel, ROOT)
    except ToolError as err:
        say(f"error: {err}")
        return 1
    answer(wheel)
    return 0


if __name__ == "__main__":
    sys.exit(main())
