"""A config staged for a target, and every file of it put to its proof."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from night_world import target_in
from nightly_site import config
from prints import A_PRINT

from autotune.errors import MachineError
from autotune.export.verify.live import Room
from autotune.export.verify.outcome import TurnPair, Verification
from autotune.export.verify.starting import Artefact
from autotune.nightly import night_stage
from autotune.nightly.generations import Generation
from autotune.nightly.night_stage import Proof, proofs, stage
from autotune.nightly.targets import Target
from autotune.study.folder import StudyFolder

Answer = Verification | MachineError


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """Its studies are in a folder that is named as most are: by where the command runs."""
    monkeypatch.chdir(tmp_path)
    made = target_in(tmp_path)
    return replace(made, request=replace(made.request, studies_dir=Path("studies")))


def staged(target: Target) -> Generation:
    return stage(target, config(512), "s", "it won", A_PRINT, {"speedup": 1.5})


def proved(
    target: Target, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Answer]
) -> tuple[tuple[Proof, ...], list[tuple[Artefact, Room]]]:
    asked = []

    def verify(artefact: Artefact, options: Any, study: Any, room: Room, say: Any) -> Verification:
        asked.append((artefact, room))
        assert room.work_dir.is_dir()
        answer = answers.get(artefact.path.name)
        if isinstance(answer, MachineError):
            raise answer
        return answer or Verification(format=artefact.format, started=True, checked=("it ran",))

    monkeypatch.setattr(night_stage, "verify_export", verify)
    return proofs(target, staged(target), StudyFolder(Path("studies/s")), lambda _: None), asked


def test_what_is_staged_is_whole(target: Target) -> None:
    generation = staged(target)
    assert generation.number == 1
    assert generation.export_names == ("a.json", "b.sh", "c.json")
    assert generation.gain() == {"speedup": 1.5}
    assert generation.fingerprint() == A_PRINT.to_json()
    assert generation.damage() == ()


def test_every_file_is_started_from_by_its_whole_path(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine runs in a folder of its own, where a relative path leads nowhere."""
    found, asked = proved(target, monkeypatch, {})
    assert [proof.problem for proof in found] == [None, None, None]
    assert [(a.path.name, a.format) for a, _ in asked] == [
        ("a.json", "json"), ("b.sh", "shell"), ("c.json", "json")
    ]  # fmt: skip
    for artefact, room in asked:
        assert artefact.path.is_absolute()
        assert room.logs_dir.is_absolute()
        assert artefact.path.parent == Path.cwd() / target.state / "generations/0001/exports"


def test_what_is_wrong_is_told_file_by_file(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = TurnPair(session_id="a", turn=0, failure="it crashed")
    answers: dict[str, Answer] = {
        "a.json": Verification(format="json", started=True, problems=("no flag --x", "poll is 0")),
        "b.sh": MachineError("there is no model"),
        "c.json": Verification(format="json", started=True, turns=(broken,)),
    }
    found, _ = proved(target, monkeypatch, answers)
    assert [proof.problem for proof in found] == [
        "no flag --x; poll is 0", "there is no model", "it crashed"
    ]  # fmt: skip
