"""``reuse.jsonl``."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.study.reuse_log import ReuseLog


def test_summaries_are_the_latest_by_arm(tmp_path: Path) -> None:
    log = ReuseLog(tmp_path / "study")
    assert log.summaries() == {}
    for arm, lost_s in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
        log.append({"arm": arm, "turn": 0})
        log.append({"arm": arm, "summary": {"lost_s": lost_s}})
    assert log.summaries() == {"b": {"lost_s": 2.0}, "a": {"lost_s": 3.0}}
    assert list(log.summaries()) == ["b", "a"]
    assert len(list(log.rows())) == 6


def test_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    log = ReuseLog(tmp_path)
    log.append({"arm": "a", "turn": 0})
    with log.path.open("a") as file:
        file.write('{"arm": "a", "tu\n[1]\n')
    assert list(log.rows()) == [{"arm": "a", "turn": 0}]


def test_a_disk_that_refuses_is_a_machine_error(tmp_path: Path) -> None:
    log = ReuseLog(tmp_path)
    log.path.mkdir()
    with pytest.raises(MachineError, match="cannot write"):
        log.append({"arm": "a"})
