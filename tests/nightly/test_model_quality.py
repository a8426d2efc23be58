"""When a newer file's words are held against the older one's, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gguf_file import LLAMA, write_gguf
from night_world import NoCard

from autotune.errors import MachineError
from autotune.nightly import model_quality as tested
from autotune.nightly.model_quality import is_guarded, model_quality
from autotune.scoring.quality import QualityVerdict, Standing
from autotune.search.quality_store import Finding
from autotune.search.request import RunRequest

REQUEST = RunRequest(workload=Path("captures"))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A model, one of the same shape in a smaller file, and another model."""
    old, new, other = (tmp_path / f"{name}.gguf" for name in ("old", "new", "other"))
    write_gguf(old, {**LLAMA, "general.description": "x" * 500})
    write_gguf(new)
    write_gguf(other, {**LLAMA, "llama.block_count": 3})
    return old, new, other


def test_only_fewer_bits_of_the_same_model_are_asked(files: tuple[Path, Path, Path]) -> None:
    old, new, other = files
    assert is_guarded(old, new, REQUEST)
    assert not is_guarded(new, old, REQUEST)
    assert not is_guarded(old, other, REQUEST)
    assert not is_guarded(old, new, replace(REQUEST, quality="any"))


def said(
    files: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, found: Any
) -> tuple[str, bool]:
    def finding(*_: Any) -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(tested, "_finding", finding)
    told = model_quality(files[0], files[1], REQUEST, Path("state"), NoCard())
    return told.said, told.fails


def finding(standing: Standing, *reasons: str) -> Finding:
    return Finding({}, None, QualityVerdict(standing, reasons), 1.0)


def test_what_is_said(files: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(files, monkeypatch, finding(Standing.PASSES)) == (
        "new.gguf says what old.gguf says, within what is accepted", False
    )  # fmt: skip
    assert said(files, monkeypatch, finding(Standing.FAILS, "p99 KL 2")) == (
        "new.gguf does not say what old.gguf says: p99 KL 2", True
    )  # fmt: skip
    text, fails = said(files, monkeypatch, finding(Standing.CANNOT_TELL, "too few"))
    assert ("unclear: too few" in text, fails) == (True, False)
    text, fails = said(files, monkeypatch, "the engine gives no probabilities of tokens")
    assert ("could not be asked: the engine gives no" in text, fails) == (True, False)
    text, fails = said(files, monkeypatch, MachineError("it does not start"))
    assert ("could not be asked: it does not start" in text, fails) == (True, False)


def test_another_model_is_no_question(files: tuple[Path, Path, Path]) -> None:
    told = model_quality(files[0], files[2], REQUEST, Path("state"), NoCard())
    assert (told.said, told.fails) == ("", False)
