"""What a night would do, without doing it."""

from __future__ import annotations

from pathlib import Path

import pytest
from night_world import Answers, seen_of, stub, target_in, tools_in

from autotune.nightly import night_plan
from autotune.nightly.decide import Action
from autotune.nightly.idle import Looked
from autotune.nightly.journal import Journal
from autotune.nightly.night import run_night
from autotune.nightly.night_plan import planned
from autotune.nightly.night_steps import TUNING
from autotune.nightly.night_work import NightAsk


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answers:
    made = Answers(model=tmp_path / "m.gguf")
    made.model.touch()
    stub(made, monkeypatch.setattr)
    monkeypatch.setattr(night_plan, "look_at", lambda *_, **__: seen_of(made))
    return made


def test_before_and_after_the_first_night(answers: Answers, tmp_path: Path) -> None:
    target, tools = target_in(tmp_path), tools_in(tmp_path, answers)
    plan = planned(target, tools, NightAsk())
    assert plan.decision.action is Action.TUNE_FIRST
    assert (plan.live, plan.busy, plan.unfinished, plan.sessions) == (None, None, (), 1)
    assert not target.state.exists()
    run_night(target, tools)
    plan = planned(target, tools, NightAsk())
    assert plan.decision.action is Action.CANARY
    assert plan.live is not None
    assert plan.to_json()["live"] == 1
    assert planned(target, tools, NightAsk(force=True)).decision.action is Action.RETUNE


def test_what_stands_in_its_way(answers: Answers, tmp_path: Path) -> None:
    target, tools = target_in(tmp_path), tools_in(tmp_path, answers)
    answers.looked = Looked(requests=1)
    Journal(target.state / "journal.jsonl").begin(TUNING, study="s", of_what="x")
    plan = planned(target, tools, NightAsk())
    assert plan.busy == "the endpoint works on 1 request"
    assert plan.unfinished == ("tuning",)
    assert planned(target, tools, NightAsk(now=True)).busy is None
