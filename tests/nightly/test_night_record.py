"""A night as it is kept."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from autotune.errors import MachineError
from autotune.nightly.night_record import NIGHT_VERSION, Night, Outcome


def through_json(night: Night) -> Night:
    return Night.from_json(json.loads(json.dumps(night.to_json())), "night.json")


def test_a_whole_night_is_read_back_as_it_was(
    full_night: Night, make_night: Callable[..., Night]
) -> None:
    assert through_json(full_night) == full_night
    assert through_json(make_night()) == make_night()


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_read_back(outcome: Outcome, make_night: Callable[..., Night]) -> None:
    assert through_json(make_night(outcome=outcome)).outcome is outcome


def test_what_is_written_is_plain(full_night: Night) -> None:
    data = full_night.to_json()
    assert data["schema_version"] == NIGHT_VERSION
    assert data["started_at"] == "2026-11-23T02:30:11+00:00"
    assert data["promotion"]["changed"]["kv-unified"] == [None, False]
    assert data["canary"]["machine_ratio"] == 1.01
    assert full_night.took_s == 3900.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": "night/2"}, "x.json is no night that this version knows"),
        ({"outcome": "great"}, "x.json is damaged"),
        ({"changes": [{"nome": 1}]}, "x.json is damaged"),
        ({"started_at": 3}, "x.json is damaged"),
    ],
)
def test_what_cannot_be_read_names_the_file(
    full_night: Night, change: dict[str, object], said: str
) -> None:
    with pytest.raises(MachineError, match=said):
        Night.from_json({**full_night.to_json(), **change}, "x.json")


def test_a_key_that_is_missing_is_damage(full_night: Night) -> None:
    data = full_night.to_json()
    del data["why"]
    with pytest.raises(MachineError, match="damaged: 'why'"):
        Night.from_json(data, "x.json")
