"""Engines with habits of their own, measured: early ends, bursts, a forgetting that is forced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from engine_program import make_program

from autotune.candidate import Candidate
from autotune.launchers.ds4 import Ds4Launcher
from autotune.launchers.failure import FailureKind
from autotune.launchers.omlx import APPLE_SILICON, OmlxLauncher
from autotune.launchers.protocol import CacheArm, Launcher
from autotune.replay.plan import History, ReplayPlan
from autotune.trial.measurement import Measurement
from autotune.trial.real import RealMeasurer

Measure = Callable[..., Measurement]


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """``measure(launcher, model, plan, arm)``: one trial on a running fake."""

    def run(
        launcher: Launcher, model: Path, plan: ReplayPlan, arm: CacheArm = CacheArm.ON
    ) -> Measurement:
        measurer = RealMeasurer(
            launcher=launcher,
            model=model,
            logs_dir=tmp_path / "logs",
            work_dir=tmp_path / "work",
            seed=0,
            cache_arm=arm,
            start_timeout_s=60.0,
        )
        return measurer.measure(Candidate(), plan, arm="a", block=0, sink=lambda record: None)

    return run


@pytest.fixture
def ds4(tmp_path: Path) -> Callable[..., Ds4Launcher]:
    """``ds4("never-forgets")``: its launcher, of a fake with these faults."""

    def make(*faults: str) -> Ds4Launcher:
        return Ds4Launcher(make_program(tmp_path / "ds4", "ds4-server", "fake_ds4.py", *faults))

    return make


@pytest.fixture
def longer(plan: ReplayPlan) -> ReplayPlan:
    """The plan with recorded history, twelve tokens a reply."""
    turns = tuple(replace(planned, output_tokens=12) for planned in plan.turns)
    return replace(plan, turns=turns, history=History.RECORDED)


def test_a_reply_that_ends_early_is_measured_and_its_length_told(
    measure: Measure, longer: ReplayPlan, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}", encoding="utf-8")
    program = make_program(tmp_path / "bin", "omlx", "fake_omlx.py")
    measured = measure(OmlxLauncher(program, here=APPLE_SILICON), model, longer)
    assert measured.failure is None
    assert [r.output_tokens for r in measured.records] == [6] * 6
    assert [r.work_tokens for r in measured.records] == [12] * 6
    assert any(r.cached_tokens for r in measured.records)
    assert all(r.decode_tps for r in measured.records)  # six tokens are two bursts


def test_the_cold_arm_is_cold_though_nothing_can_be_switched_off(
    measure: Measure, ds4: Callable[..., Ds4Launcher], fake_model: Path, plan: ReplayPlan
) -> None:
    measured = measure(ds4(), fake_model, plan, CacheArm.OFF)
    assert measured.failure is None
    assert {r.cached_tokens for r in measured.records} == {0}


def test_a_cold_arm_that_is_not_is_no_measurement(
    measure: Measure, ds4: Callable[..., Ds4Launcher], fake_model: Path, plan: ReplayPlan
) -> None:
    measured = measure(ds4("never-forgets"), fake_model, in_sequence(plan), CacheArm.OFF)
    assert measured.failure is not None
    assert measured.failure.kind is FailureKind.CACHE_ARM


def test_one_session_after_the_other_goes_on_from_memory(
    measure: Measure, ds4: Callable[..., Ds4Launcher], fake_model: Path, plan: ReplayPlan
) -> None:
    measured = measure(ds4(), fake_model, in_sequence(plan))
    assert measured.failure is None
    assert [bool(r.cached_tokens) for r in measured.records] == [False, True, True] * 2


def in_sequence(plan: ReplayPlan) -> ReplayPlan:
    """The same turns, one session after the other: one conversation fits into memory."""
    ordered = sorted(plan.turns, key=lambda p: (p.turn.session_id, p.turn.index))
    turns = tuple(replace(planned, order=at) for at, planned in enumerate(ordered))
    return replace(plan, turns=turns)
