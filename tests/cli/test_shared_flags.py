"""From flags to the study that is shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.cli.shared_flags import SharedFlags, shared_study
from autotune.errors import UserError
from autotune.search.request import RunRequest

REQUEST = RunRequest(workload=Path("wl.jsonl"), study="coder")


def test_what_is_said_is_what_is_shared(tmp_path: Path) -> None:
    flags = SharedFlags.model_validate(
        {"storage": "postgresql://db/t", "artifacts": str(tmp_path), "heartbeat": "5s"}
    )
    request, shared = shared_study(flags, REQUEST)
    assert request is REQUEST
    assert (str(shared.url), shared.name) == ("postgresql://db/t", "coder")
    assert shared.heartbeat_s == 5
    assert shared.artifacts is not None
    assert shared.artifacts.folder == tmp_path


def test_without_a_place_there_is_nothing_to_share() -> None:
    with pytest.raises(UserError, match="no storage"):
        shared_study(SharedFlags(), REQUEST)
