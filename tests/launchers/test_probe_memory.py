"""A slow program is asked once, and again when anything about it has changed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.launchers.probe_memory import (
    ProbeMemory,
    interpreter,
    package_folders,
    remembering,
    state_of,
)
from autotune.launchers.program import output_of

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Prints ``--flag`` and counts how often it was run, in a file beside it."""
    path = tmp_path / "engine"
    path.write_text(f"#!/bin/sh\necho ran >> {tmp_path}/runs\necho --flag\n")
    path.chmod(0o755)
    return path


def runs(program: Path) -> int:
    return len(program.with_name("runs").read_text().splitlines())


def ask(program: Path, memory: ProbeMemory, *words: str) -> str:
    with remembering(memory):
        return output_of([str(program), *words], ENV, "")


def test_a_program_is_asked_once(program: Path, tmp_path: Path) -> None:
    memory = ProbeMemory(tmp_path / "memory")
    assert ask(program, memory) == ask(program, memory) == "--flag\n"
    assert runs(program) == 1
    ask(program, memory, "--other")
    assert runs(program) == 2


def test_a_program_that_changed_is_asked_again(program: Path, tmp_path: Path) -> None:
    memory = ProbeMemory(tmp_path / "memory")
    ask(program, memory)
    program.write_text(program.read_text().replace("--flag", "--newer"))
    assert ask(program, memory) == "--newer\n"
    assert len(list((tmp_path / "memory").iterdir())) == 1


def test_a_program_changed_within_one_tick_is_told_by_its_hash(
    program: Path, tmp_path: Path
) -> None:
    before = state_of([str(program)], ENV)
    stat = program.stat()
    program.write_text(program.read_text().replace("--flag", "--gulf"))
    os.utime(program, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert state_of([str(program)], ENV) != before


def test_a_script_in_the_command_counts_too(program: Path, tmp_path: Path) -> None:
    script = tmp_path / "config.py"
    script.write_text("1")
    argv = [str(program), str(script)]
    before = state_of(argv, ENV)
    os.utime(script, ns=(0, 1))
    assert state_of(argv, ENV) != before


def test_a_word_too_long_to_be_a_name_is_no_script(program: Path, tmp_path: Path) -> None:
    memory = ProbeMemory(tmp_path / "memory")
    source = "pass  # a/b" * 1000
    assert ask(program, memory, source) == ask(program, memory, source)
    assert runs(program) == 1


def test_asking_afresh_and_outside_the_block(program: Path, tmp_path: Path) -> None:
    memory = ProbeMemory(tmp_path / "memory")
    ask(program, memory)
    ask(program, ProbeMemory(memory.folder, fresh=True))
    output_of([str(program)], ENV, "")
    assert runs(program) == 3
    ask(program, memory)
    assert runs(program) == 3


def test_a_failure_is_not_remembered(program: Path, tmp_path: Path) -> None:
    memory = ProbeMemory(tmp_path / "memory")
    program.write_text(f"#!/bin/sh\necho ran >> {tmp_path}/runs\nexit 3\n")
    for _ in range(2):
        with pytest.raises(MachineError, match="exits 3"):
            ask(program, memory)
    assert runs(program) == 2
    with pytest.raises(MachineError, match="does not run"):
        ask(tmp_path / "nowhere", memory)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"state": null, "text": 7}', "\x00"])
def test_a_damaged_memory_is_no_memory(program: Path, tmp_path: Path, text: str) -> None:
    memory = ProbeMemory(tmp_path / "memory")
    ask(program, memory)
    (file,) = memory.folder.iterdir()
    file.write_text(text)
    assert ask(program, memory) == "--flag\n"
    assert runs(program) == 2
    assert json.loads(file.read_text())["text"] == "--flag\n"


def test_a_folder_that_cannot_be_written_is_done_without(program: Path, tmp_path: Path) -> None:
    (tmp_path / "memory").write_text("a file")
    assert ask(program, ProbeMemory(tmp_path / "memory")) == "--flag\n"


def test_the_python_behind_a_program(tmp_path: Path) -> None:
    script = tmp_path / "vllm"
    script.write_text(f"#!{sys.executable}\nimport sys\n")
    assert interpreter(script) == Path(sys.executable)
    script.write_text(f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n")
    assert interpreter(script) == Path(sys.executable)
    script.write_text("#!/bin/sh\necho python\n")
    assert interpreter(script) is None
    script.write_bytes(b"\x7fELF")
    assert interpreter(script) is None
    assert interpreter(Path("/x/bin/python3.11")) == Path("/x/bin/python3.11")


def test_packages_of_a_python_count(tmp_path: Path) -> None:
    """What pip installs changes the folder, and the answer is asked for again."""
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir()
    python = tmp_path / "venv" / "bin" / "python"
    python.symlink_to(sys.executable)
    assert packages in package_folders(python, {})
    before = state_of([str(python), "-c", "1"], ENV)
    (packages / "engine-1.1.dist-info").mkdir()
    assert state_of([str(python), "-c", "1"], ENV) != before


def test_the_module_that_our_own_python_runs_counts(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "autotune.launchers.program", "--help"]
    state = state_of(argv, ENV)
    assert state is not None
    assert any(str(stamp[0]).endswith("program.py") for stamp in state if isinstance(stamp, list))
    assert state_of([sys.executable, "-m", "no.such.module"], ENV) is not None
