"""Artifacts that are made when they are opened, on a shelf that nobody else can fill."""

from __future__ import annotations

import io
import json

import pytest
from optuna import create_study
from optuna.artifacts import get_all_artifact_meta
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import InMemoryStorage

from autotune.dashboard.shelf import Artifact, Shelf, artifact_attrs


def holding(told: bytes, owner: str = "study/0", filename: str = "a.log") -> Artifact:
    return Artifact(owner, filename, lambda: told)


def test_an_address_stays_as_long_as_owner_and_name_do() -> None:
    ids = [
        holding(b"").artifact_id,
        holding(b"other bytes").artifact_id,
        holding(b"", owner="study/1").artifact_id,
        holding(b"", filename="b.log").artifact_id,
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert ids[0] == "ac0accf7-3b67-59e1-85eb-1c30830a0fd1"


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("trial-0000-b0.log", "text/plain; charset=utf-8"),
        ("run.sh", "text/plain; charset=utf-8"),
        ("trial-0000.json", "application/json"),
        ("report.html", "text/html; charset=utf-8"),
        ("turns.svg", "image/svg+xml"),
        ("turns.csv", "text/csv; charset=utf-8"),
        ("shot.png", "image/png"),
        ("Makefile", "text/plain"),
        ("odd.no-such-ending", "text/plain"),
    ],
)
def test_kinds_are_told_by_the_ending(filename: str, kind: str) -> None:
    assert holding(b"", filename=filename).kind == kind


def test_attributes_name_an_artifact_as_optuna_does() -> None:
    one = holding(b"")
    ((key, value),) = artifact_attrs([one]).items()
    assert key == f"artifacts:{one.artifact_id}"
    assert json.loads(value) == {
        "artifact_id": one.artifact_id,
        "filename": "a.log",
        "mimetype": "text/plain; charset=utf-8",
        "encoding": None,
    }


def test_optuna_reads_the_attributes() -> None:
    storage = InMemoryStorage()
    study = create_study(storage=storage)
    made = [holding(b""), holding(b"", filename="b.svg")]
    for key, value in artifact_attrs(made).items():
        storage.set_study_system_attr(study._study_id, key, value)
    found = {(m.artifact_id, m.filename, m.mimetype) for m in get_all_artifact_meta(study)}
    assert found == {(one.artifact_id, one.filename, one.kind) for one in made}


def test_bytes_are_made_each_time_that_one_is_opened() -> None:
    opened: list[bytes] = []

    def read() -> bytes:
        opened.append(b"x")
        return b"".join(opened)

    one, shelf = Artifact("study/0", "a.log", read), Shelf()
    shelf.put([one])
    assert opened == []
    assert [shelf.open_reader(one.artifact_id).read() for _ in range(2)] == [b"x", b"xx"]


def test_the_last_of_one_owner_and_name_is_offered_and_others_stay() -> None:
    old, new, other = holding(b"old"), holding(b"new"), holding(b"other", owner="study/1")
    shelf = Shelf()
    shelf.put([old, other])
    shelf.put([new])
    assert shelf.open_reader(old.artifact_id).read() == b"new"
    assert shelf.open_reader(other.artifact_id).read() == b"other"


def test_what_was_never_put_there_is_not_found() -> None:
    with pytest.raises(ArtifactNotFound, match="no-such-id"):
        Shelf().open_reader("no-such-id")


def test_nothing_is_written_or_removed() -> None:
    one, shelf = holding(b"kept"), Shelf()
    shelf.put([one])
    with pytest.raises(ArtifactNotFound):
        shelf.write(one.artifact_id, io.BytesIO(b"changed"))
    with pytest.raises(ArtifactNotFound):
        shelf.remove(one.artifact_id)
    assert shelf.open_reader(one.artifact_id).read() == b"kept"
