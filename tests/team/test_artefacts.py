"""Artefacts of a shared study: whole or not there, checked when read, safe whatever their names."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, download_artifact, get_all_artifact_meta

from autotune.errors import MachineError, UserError
from autotune.team import artefacts as module
from autotune.team.artefact_stores import FolderStore
from autotune.team.artefacts import Artefacts, open_artefacts


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(study_name="team")


@pytest.fixture
def kept(tmp_path: Path, study: optuna.Study) -> Artefacts:
    return open_artefacts(str(tmp_path / "shared"), study)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def objects(folder: Path) -> set[str]:
    """The stored files, less the mark that a store is known by."""
    return {p.name for p in folder.iterdir() if not p.name.startswith("store-")}


def test_what_was_put_is_got_back_under_its_name(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    assert kept.names(study) == []
    kept.put(study, write(tmp_path / "log", "hello"), "logs/w1/engine.log")
    assert kept.names(study) == ["logs/w1/engine.log"]
    kept.get("logs/w1/engine.log", tmp_path / "deep" / "copy")
    assert (tmp_path / "deep" / "copy").read_text() == "hello"


def test_another_worker_sees_it_through_the_study(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    other = open_artefacts(f"file://{tmp_path / 'shared'}", study)
    kept.put(study, write(tmp_path / "a", "1"), "a")
    other.get("a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "1"


def test_the_same_content_again_stores_nothing(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    first = kept.put(study, write(tmp_path / "a", "1"), "a")
    before = objects(tmp_path / "shared")
    assert kept.put(study, write(tmp_path / "b", "1"), "a") == first
    assert objects(tmp_path / "shared") == before == {first}


def test_other_content_takes_the_names_place(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    for text in ("1", "2", "1", "3"):
        kept.put(study, write(tmp_path / "a", text), "a")
    assert kept.names(study) == ["a"]
    open_artefacts(str(tmp_path / "shared"), study).get("a", tmp_path / "got")
    assert (tmp_path / "got").read_text() == "3"


def test_optuna_itself_finds_and_reads_it(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    """The attribute is written by a private call of Optuna's: its own reader is the judge of it."""
    put = kept.put(study, write(tmp_path / "r.html", "<p>"), "files/w1/report.html")
    (meta,) = get_all_artifact_meta(study)
    assert (meta.artifact_id, meta.filename, meta.mimetype) == (put, "report.html", "text/html")
    store = FileSystemArtifactStore(tmp_path / "shared")
    copy = tmp_path / "copy"
    download_artifact(artifact_store=store, file_path=str(copy), artifact_id=put)
    assert copy.read_text() == "<p>"


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", ""])
def test_a_name_that_leads_out_is_not_stored(
    name: str, kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="cannot name an artefact"):
        kept.put(study, write(tmp_path / "a", "1"), name)
    assert objects(tmp_path / "shared") == set()


def attribute(study: optuna.Study, **fields: object) -> None:
    """What anybody who may write to the storage can put there."""
    row = {
        "artifact_id": str(uuid.uuid4()),
        "filename": "a",
        "mimetype": "text/plain",
        "encoding": None,
        "name": "a",
        "sha256": "0" * 64,
        "bytes": 1,
        "revision": 1,
    }
    study._storage.set_study_system_attr(
        study._study_id, f"artifacts:{uuid.uuid4()}", json.dumps({**row, **fields})
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "../../etc/passwd"},
        {"name": "/etc/passwd"},
        {"name": 7},
        {"artifact_id": "../../etc/passwd"},
        {"artifact_id": 7},
        {"bytes": "many"},
        {"revision": None},
    ],
)
def test_entries_that_put_cannot_have_written_are_passed_over(
    fields: dict[str, object], kept: Artefacts, study: optuna.Study
) -> None:
    attribute(study, **fields)
    assert kept.names(study) == []


def test_what_optuna_stored_by_itself_is_passed_over(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    optuna.artifacts.upload_artifact(
        artifact_store=FileSystemArtifactStore(tmp_path / "shared"),
        file_path=str(write(tmp_path / "a", "1")),
        study_or_trial=study,
    )
    assert kept.names(study) == []


def test_a_file_that_was_changed_or_cut_is_not_taken(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    put = kept.put(study, write(tmp_path / "a", "12345"), "a")
    to = write(tmp_path / "to", "as it was")
    for text in ("12346", "123"):
        (tmp_path / "shared" / put).write_text(text)
        with pytest.raises(MachineError, match="not what was stored"):
            kept.get("a", to)
        assert to.read_text() == "as it was"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".to")] == []


def test_one_that_is_gone_and_one_that_never_was_are_told_apart(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    put = kept.put(study, write(tmp_path / "a", "1"), "a")
    (tmp_path / "shared" / put).unlink()
    with pytest.raises(MachineError, match="is gone from"):
        kept.get("a", tmp_path / "to")
    with pytest.raises(MachineError, match="has no artefact b"):
        kept.get("b", tmp_path / "to")


def test_an_upload_that_fails_is_not_there_and_keeps_what_was(
    kept: Artefacts, study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.put(study, write(tmp_path / "a", "old"), "a")
    before = objects(tmp_path / "shared")

    def full(*_: object) -> None:
        raise MachineError("the disk is full", "free some space")

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "write", full)
        with pytest.raises(MachineError, match="disk is full"):
            kept.put(study, write(tmp_path / "a", "new"), "a")
    assert objects(tmp_path / "shared") == before
    kept.get("a", tmp_path / "got")
    assert (tmp_path / "got").read_text() == "old"


def test_a_worker_that_dies_after_the_upload_has_stored_nothing(
    kept: Artefacts, study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_publish", die)
    with pytest.raises(KeyboardInterrupt):
        kept.put(study, write(tmp_path / "a", "1"), "a")
    assert kept.names(study) == []


def test_a_file_that_is_not_there_is_told_in_two_lines(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    with pytest.raises(MachineError, match="cannot copy") as caught:
        kept.put(study, tmp_path / "nothing", "a")
    assert caught.value.hint


def test_a_share_that_is_not_mounted_is_not_written_to(
    kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    kept.put(study, write(tmp_path / "a", "1"), "a")
    with pytest.raises(UserError, match="is not where the artefacts of study team are kept"):
        open_artefacts(str(tmp_path / "elsewhere"), study)
    open_artefacts(str(tmp_path / "shared"), study).get("a", tmp_path / "b")


def test_two_studies_share_a_place(kept: Artefacts, study: optuna.Study, tmp_path: Path) -> None:
    other_study = optuna.create_study(study_name="other")
    other = open_artefacts(str(tmp_path / "shared"), other_study)
    kept.put(study, write(tmp_path / "a", "1"), "a")
    other.put(other_study, write(tmp_path / "a", "2"), "a")
    kept.get("a", tmp_path / "got")
    assert (tmp_path / "got").read_text() == "1"
    assert other.names(study) == other.names(other_study) == ["a"]
