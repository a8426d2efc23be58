"""From a study's end to what is to be live, case by case."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from night_world import summary_of
from nightly_site import config

from autotune.errors import ExitCode, MachineError
from autotune.nightly import retune_verdict
from autotune.nightly.retune_verdict import Act, Standing, gain_of, judged, tuning_note
from autotune.search.events import Summary
from autotune.search.request import RunRequest

OVER = {"ratio": 1.3, "low": 1.1, "high": 1.5}
RAN = {"arm": "trial-1", "stays": False, "beside": "trial-7", "over": OVER}


@dataclass
class Study:
    """A folder as far as a verdict reads it."""

    trials: list[dict[str, Any]] = field(default_factory=list)
    held_out: bool = True
    name: str = "nightly-coder-2026-11-23T02-30-11Z"
    path: Path = Path("studies/night")

    def read_trials(self) -> list[dict[str, Any]]:
        return self.trials

    def read_result(self) -> dict[str, Any]:
        return {"held_out": self.held_out, "winner": {"settings": {"batch-size": 512}}}

    def read_turns(self) -> list[Any]:
        return []

    def read_warm_start(self) -> list[dict[str, Any]]:
        return [{"study": "earlier"}]


def incumbent(failure: str | None = None, same_as: int | None = None) -> dict[str, Any]:
    return {
        "label": "incumbent", "number": 1, "failure": failure, "reason": "refused it",
        "same_as": same_as,
    }  # fmt: skip


def ended(code: ExitCode = ExitCode.DONE, **fields: Any) -> Summary:
    return summary_of(RunRequest(workload=Path("w"), study="s"), code, **fields)


@pytest.fixture(autouse=True)
def configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The study's recommendation has a batch of 512, its trials their number."""
    monkeypatch.setattr(retune_verdict, "recommended_config", lambda _: config(512))
    monkeypatch.setattr(retune_verdict, "trial_config", lambda _, number: config(number))


def verdict(
    summary: Summary, study: Study, *, had: bool = True, owned: bool = False
) -> tuple[Act, Standing, int]:
    folder: Any = study
    found = judged(summary, folder, had=had, owned=owned)
    return found.act, found.standing, int(found.config.settings["batch-size"])


def test_what_beats_the_config_in_use_goes_live() -> None:
    found = verdict(ended(in_use=RAN), Study([incumbent()]))
    assert found == (Act.PUT, Standing.RAN, 512)


def test_the_defaults_may_beat_it() -> None:
    found = verdict(ended(in_use=RAN, winner=None), Study([incumbent()]))
    assert found == (Act.PUT, Standing.RAN, 512)


def test_nothing_that_is_no_better_takes_its_place() -> None:
    stays = {**RAN, "stays": True}
    found = verdict(ended(ExitCode.NOTHING_BETTER, in_use=stays), Study([incumbent()]))
    assert found == (Act.FOLLOW, Standing.RAN, 1)
    found = verdict(ended(ExitCode.NOTHING_BETTER, in_use=RAN, winner=None), Study([incumbent()]))
    assert found == (Act.FOLLOW, Standing.RAN, 1)


def test_a_win_on_the_sessions_that_were_searched_is_no_proof() -> None:
    study = Study([incumbent()], held_out=False)
    assert verdict(ended(in_use=RAN), study)[0] is Act.LEAVE


def test_one_that_does_not_run_any_more_gives_way() -> None:
    study = Study([incumbent(failure="bad-flag")])
    assert verdict(ended(), study) == (Act.PUT, Standing.FAILED, 512)
    found = verdict(ended(ExitCode.NOTHING_BETTER, winner=None), study)
    assert found == (Act.PUT, Standing.FAILED, 512)


def test_one_that_was_not_confirmed_gives_way() -> None:
    summary = ended(notes=("trial-0001 was dropped: crash: it ended",))
    folder: Any = Study([incumbent()])
    found = judged(summary, folder, had=True, owned=False)
    assert found.standing is Standing.FAILED
    assert "trial-0001 was dropped: crash" in found.why


def test_one_that_is_the_default_is_beaten_by_what_beats_that() -> None:
    for study in (Study([]), Study([incumbent(same_as=0)])):
        assert verdict(ended(), study) == (Act.PUT, Standing.DEFAULT, 512)
        found = verdict(ended(ExitCode.NOTHING_BETTER, winner=None), study)
        assert found == (Act.FOLLOW, Standing.DEFAULT, 512)


def test_the_first_time() -> None:
    nothing = ended(ExitCode.NOTHING_BETTER, winner=None)
    assert verdict(ended(), Study(), had=False)[:2] == (Act.PUT, Standing.NONE)
    assert verdict(nothing, Study(), had=False)[:2] == (Act.PUT, Standing.NONE)
    assert verdict(ended(), Study(), had=False, owned=True)[0] is Act.PUT
    assert verdict(nothing, Study(), had=False, owned=True)[0] is Act.LEAVE


def test_a_study_that_proved_nothing_is_an_error() -> None:
    summary = ended(ExitCode.NO_FEASIBLE_TRIAL, verdict="None ran.", notes=("oom: no memory",))
    with pytest.raises(MachineError) as raised:
        verdict(summary, Study())
    assert raised.value.message == "None ran.; oom: no memory"


def test_what_it_is_worth_is_told_against_what_was_in_use() -> None:
    assert gain_of(ended(in_use=RAN)) == {
        "speedup": 1.3, "low": 1.1, "high": 1.5, "over": "in use"
    }  # fmt: skip
    default = {"speedup": 1.5, "low": 1.2, "high": 1.8, "over": "default"}
    assert gain_of(ended()) == default
    assert gain_of(ended(in_use={**RAN, "stays": True})) == default


def test_the_note_of_a_night() -> None:
    folder: Any = Study()
    note = tuning_note(ended(trials=9, failed=2), folder, 600.0)
    assert (note.trials, note.failed_trials, note.budget_s) == (9, 2, 600.0)
    assert note.warm_from == ("earlier",)
    assert note.settings == {"batch-size": 512}
    assert (note.speedup, note.low, note.high) == (1.5, 1.2, 1.8)
    stays = tuning_note(ended(in_use={**RAN, "stays": True}), folder, None)
    assert (stays.speedup, stays.low) == (None, None)
