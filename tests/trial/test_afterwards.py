"""What is asked of the engine that was measured, once its replay is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from autotune.candidate import Candidate
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.protocol import Launcher
from autotune.replay.plan import ReplayPlan
from autotune.trial.afterwards import Aftermath
from autotune.trial.measurement import Measurement
from autotune.trial.real import RealMeasurer


@dataclass
class Question:
    """Remembers what it was shown, and asks the engine how it is."""

    name: str = "health"
    error: TrialError | None = None
    seen: list[Aftermath] = field(default_factory=list)

    def after(self, aftermath: Aftermath) -> Mapping[str, Any]:
        self.seen.append(aftermath)
        if self.error is not None:
            raise self.error
        return {"status": httpx.get(f"{aftermath.server.base_url}/health").status_code}


def measured(
    launcher: Launcher, model: Path, folder: Path, plan: ReplayPlan, question: Question
) -> Measurement:
    measurer = RealMeasurer(
        launcher=launcher,
        model=model,
        logs_dir=folder / "logs",
        work_dir=folder / "work",
        seed=0,
        start_timeout_s=60.0,
        afterwards=(question,),
    )
    candidate = Candidate({"ctx-size": 4096, "ubatch-size": 256, "parallel": 1})
    return measurer.measure(candidate, plan, arm="a", block=0, sink=lambda _: None)


def test_the_engine_still_runs_and_every_request_is_shown(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    question = Question()
    result = measured(fake_launcher(), fake_model, tmp_path, plan, question)
    assert result.extras == {"health": {"status": 200}}
    (shown,) = question.seen
    assert [s.planned.order for s in shown.sent] == [p.order for p in plan.turns]
    assert all(s.reply is not None for s in shown.sent)
    for first, later in zip(shown.sent, shown.sent[2:], strict=False):
        assert later.messages[0] is first.messages[0] or later.messages[0] == first.messages[0]
    assert result.seconds.after_s > 0
    assert result.seconds.total_s >= result.seconds.replay_s + result.seconds.after_s


def test_nothing_is_asked_of_what_went_ahead_of_the_plan(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    question = Question()
    ahead = replace(plan, probe_turns=2)
    result = measured(fake_launcher(), fake_model, tmp_path, ahead, question)
    (shown,) = question.seen
    assert [s.planned.order for s in shown.sent] == [p.order for p in plan.turns[2:]]
    assert [r.order for r in shown.records] == [p.order for p in plan.turns[2:]]
    assert len(result.records) == len(plan.turns)


def test_a_replay_that_failed_is_not_asked(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    question = Question()
    launcher = fake_launcher("die-mid-stream=2")
    result = measured(launcher, fake_model, tmp_path, plan, question)
    assert result.failure is not None
    assert not question.seen
    assert result.extras == {}


def test_an_answer_can_fail_the_measurement(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    failure = Failure(FailureKind.BAD_REPLY, "it does not say what it is asked")
    result = measured(
        fake_launcher(), fake_model, tmp_path, plan, Question(error=TrialError(failure))
    )
    assert result.failure == failure
    assert result.extras == {}
