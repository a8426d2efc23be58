"""What was tuned last, on disk and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from prints import A_PRINT

from autotune.errors import MachineError
from autotune.nightly.session_index import SessionFact
from autotune.nightly.settled import Settled, read_settled, write_settled

FACT = SessionFact(
    session_id="a", root="a", content="c", start_ms=None, at_s=5.0, turns=2, deepest=900
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_settled(tmp_path) is None
    settled = Settled(fingerprint=A_PRINT, sessions=(FACT,), study="nightly-coder-1")
    write_settled(tmp_path, settled)
    assert read_settled(tmp_path) == settled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "settled.json is damaged"),
        ("{}", "settled.json is of another version of autotune"),
        ('{"schema_version": "settled/2"}', "settled.json is of another version of autotune"),
        ('{"schema_version": "settled/1"}', "settled.json is damaged: it has no 'fingerprint'"),
        (
            '{"schema_version": "settled/1", "fingerprint": {"schema_version": "fingerprint/0"}}',
            "settled.json is no fingerprint that this version knows",
        ),
        (
            '{"schema_version": "settled/1", "fingerprint": {"schema_version": "fingerprint/1"}}',
            "settled.json is damaged",
        ),
    ],
)
def test_what_is_damaged_is_said_with_a_way_out(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "settled.json").write_text(text)
    with pytest.raises(MachineError, match=message) as caught:
        read_settled(tmp_path)
    assert "move it away" in caught.value.hint


def test_a_session_that_is_none_is_said(tmp_path: Path) -> None:
    write_settled(tmp_path, Settled(fingerprint=A_PRINT, sessions=(), study="s"))
    path = tmp_path / "settled.json"
    path.write_text(path.read_text().replace('"sessions": []', '"sessions": [{"id": 1}]'))
    with pytest.raises(MachineError, match=r"settled\.json is damaged"):
        read_settled(tmp_path)
