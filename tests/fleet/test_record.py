"""What is kept of a fleet's target between runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.fleet.record import Begun, Record
from autotune.nightly.fingerprint import Fingerprint
from autotune.nightly.settled import Settled

SEEN = Fingerprint(
    model="m", model_sha256="a", model_sample="s", model_bytes=1, engine="e", engine_version="1",
    engine_sha256="e", gpu="RTX 3090", gpu_name="RTX 3090", workload_digest="w",
    workload_sessions=1, space_digest="d", autotune_version="1",
)  # fmt: skip


def test_what_is_begun_is_forgotten_at_its_end(tmp_path: Path) -> None:
    record = Record(tmp_path, "coder")
    assert (record.begun(), record.settled(), record.summary()) == (None, None, None)
    record.begin("fleet-coder", SEEN)
    begun = record.begun()
    assert isinstance(begun, Begun)
    assert begun.study == record.unfinished(SEEN) == "fleet-coder"
    settled = Settled(fingerprint=SEEN, sessions=(), study="fleet-coder")
    record.settle(settled)
    assert record.begun() is None
    assert record.settled() == settled
    assert record.summary() is None  # the study's folder is not there


def test_a_study_of_its_own_each_time(tmp_path: Path) -> None:
    record = Record(tmp_path, "coder")
    assert record.new_study() == "fleet-coder"
    (tmp_path / "fleet-coder").mkdir()
    assert record.new_study() == "fleet-coder-2"


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    record = Record(tmp_path, "coder")
    record.state.mkdir(parents=True)
    (record.state / "begun.json").write_text('{"study": 3}')
    with pytest.raises(MachineError, match=r"begun\.json is damaged"):
        record.begun()
