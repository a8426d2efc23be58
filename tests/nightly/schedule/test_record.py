"""What was installed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.record import (
    Installed,
    all_records,
    forget_record,
    read_record,
    record_path,
    write_record,
)
from autotune.nightly.schedule.scheduler import Machine

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_a_record_is_read_back(machine: Machine, plan: Plan) -> None:
    assert read_record(machine, plan.name) is None
    assert all_records(machine) == ()
    installed = Installed("cron", plan, NOW)
    write_record(machine, installed)
    assert read_record(machine, plan.name) == installed
    assert all_records(machine) == (installed,)


def test_forgetting_takes_the_folder_only_when_it_is_empty(machine: Machine, plan: Plan) -> None:
    write_record(machine, Installed("cron", plan, NOW))
    kept: Path = record_path(machine, plan.name).parent / "kept"
    kept.touch()
    forget_record(machine, plan.name)
    assert list(kept.parent.iterdir()) == [kept]
    kept.unlink()
    forget_record(machine, plan.name)
    assert not kept.parent.exists()
    forget_record(machine, plan.name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": "nightly-schedule/9"}, "is not of this version"),
        ({"kind": "at"}, "is not of this version"),
        ({"days": 3}, "is damaged"),
        ({"installed_at": "yesterday"}, "is damaged"),
    ],
)
def test_a_damaged_record_says_what_to_do(
    machine: Machine, plan: Plan, change: dict[str, object], said: str
) -> None:
    write_record(machine, Installed("cron", plan, NOW))
    path = record_path(machine, plan.name)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(MachineError, match=said) as caught:
        read_record(machine, plan.name)
    assert "autotune nightly install" in caught.value.hint
