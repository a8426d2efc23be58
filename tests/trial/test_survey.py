"""The survey: the engine's own count of every prompt, from one small launch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.launchers.protocol import Launcher
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import ReplayPlan
from autotune.trial.real import RealMeasurer
from autotune.trial.survey import Survey, take_survey
from autotune.workload.model import Session


def survey(launcher: Launcher, model: Path, tmp_path: Path, plan: ReplayPlan) -> Survey:
    measurer = RealMeasurer(
        launcher=launcher, model=model, logs_dir=tmp_path / "logs", work_dir=tmp_path, seed=0
    )
    return take_survey(measurer, Candidate({"ctx-size": 256}), plan, sessions_of(plan))


def sessions_of(plan: ReplayPlan) -> list[Session]:
    return [
        Session(name, tuple(p.turn for p in plan.turns if p.turn.session_id == name))
        for name in plan.session_ids
    ]


def test_every_turn_is_counted_and_prompts_grow(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    found = survey(fake_launcher(), fake_model, tmp_path, plan)
    assert set(found.depths) == {(p.turn.session_id, p.turn.index) for p in plan.turns}
    for session in plan.session_ids:
        depths = [found.depths[session, turn] for turn in range(3)]
        assert depths == sorted(set(depths))
    assert Survey.from_json(found.to_json()) == found


def test_a_template_that_refuses_tool_messages_is_met_with_a_plain_rendering(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    found = survey(fake_launcher("refuse-tools"), fake_model, tmp_path, plan)
    assert found.rendering is Rendering.PLAIN
    assert "tool-result" in " ".join(found.notes)


def test_an_engine_that_does_not_start_says_why_and_where_its_log_is(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    with pytest.raises(MachineError, match="load-error") as caught:
        survey(fake_launcher("die-during-load"), fake_model, tmp_path, plan)
    assert "survey.log" in caught.value.hint


def test_an_engine_that_cannot_count_is_refused(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    launcher = fake_launcher(tokens={"count_path": None})
    with pytest.raises(MachineError, match="cannot count"):
        survey(launcher, fake_model, tmp_path, plan)
