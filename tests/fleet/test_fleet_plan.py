"""How the targets of a fleet stand on a host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.fleet.fleet_plan import Standing, TargetPlan, demand_some, plan_fleet
from autotune.fleet.record import of_kind
from autotune.hardware.gpu import GpuProbe
from autotune.nightly.fingerprint import Caches
from autotune.nightly.settled import Settled
from autotune.nightly.targets import Target
from autotune.study.files import write_json
from autotune.study.folder import StudyFolder

Make = Callable[..., Target]


@pytest.fixture
def plan(machine: GpuProbe, tmp_path: Path, look: dict[str, Any]) -> Callable[..., TargetPlan]:
    def planned(target: Target, *, force: bool = False) -> TargetPlan:
        (found,) = plan_fleet([target], machine, Caches(tmp_path / "cache"), force=force)
        return found

    return planned


def finish(found: TargetPlan) -> None:
    """Its study came to its end."""
    assert found.seen is not None
    assert found.study is not None
    print_ = of_kind(found.seen.fingerprint)
    folder = StudyFolder(found.target.request.studies_dir / found.study)
    write_json(folder.path / "result.json", {"summary": {"verdict": "Trial 1 wins."}})
    found.record.settle(Settled(fingerprint=print_, sessions=(), study=found.study))


def test_from_never_tuned_to_done(plan: Callable[..., TargetPlan], make_target: Make) -> None:
    target = make_target("coder")
    first = plan(target)
    assert (first.standing, first.study, first.runs) == (Standing.NEW, "fleet-coder", True)
    assert first.where.seats == ("GPU-1a", "GPU-2b")
    finish(first)
    done = plan(target)
    assert (done.standing, done.study, done.runs) == (Standing.DONE, "fleet-coder", False)
    forced = plan(target, force=True)
    assert (forced.standing, forced.study) == (Standing.CHANGED, "fleet-coder-2")
    assert forced.reasons == ("it was asked for",)


def test_what_was_begun_is_gone_on_with_while_it_is_still_of_the_same(
    plan: Callable[..., TargetPlan], make_target: Make, look: dict[str, Any]
) -> None:
    target = make_target("coder")
    first = plan(target)
    assert first.seen is not None
    first.record.begin("fleet-coder", of_kind(first.seen.fingerprint))
    (target.request.studies_dir / "fleet-coder").mkdir(parents=True)
    again = plan(target)
    assert (again.standing, again.study) == (Standing.UNFINISHED, "fleet-coder")
    look["model_sha256"] = "bb"
    other = plan(target)
    assert (other.standing, other.study) == (Standing.NEW, "fleet-coder-2")


def test_what_changed_is_tuned_again_and_said(
    plan: Callable[..., TargetPlan], make_target: Make, look: dict[str, Any]
) -> None:
    target = make_target("coder")
    finish(plan(target))
    look["driver"] = "590"
    found = plan(target)
    assert (found.standing, found.study) == (Standing.CHANGED, "fleet-coder-2")
    assert found.reasons == ("the driver: 580 is now 590",)


def test_another_card_of_the_kind_is_no_change(
    plan: Callable[..., TargetPlan], make_target: Make
) -> None:
    finish(plan(make_target("coder", gpu="0")))
    assert plan(make_target("coder", gpu="1")).standing is Standing.DONE
    assert plan(make_target("coder", gpu="2")).standing is Standing.CHANGED


def test_a_study_that_is_gone_is_made_anew(
    plan: Callable[..., TargetPlan], make_target: Make
) -> None:
    target = make_target("coder")
    found = plan(target)
    finish(found)
    (target.request.studies_dir / "fleet-coder" / "result.json").unlink()
    assert plan(target).reasons == ("its study fleet-coder is gone",)


def test_a_gpu_that_is_not_here_is_named(
    plan: Callable[..., TargetPlan], make_target: Make
) -> None:
    found = plan(make_target("coder", gpu="5090"))
    assert (found.standing, found.runs, found.gpu_name) == (Standing.NOT_HERE, False, "5090")
    assert "no GPU matches '5090'" in found.reasons[0]
    with pytest.raises(UserError) as caught:
        demand_some([found], "box")
    assert caught.value.message == "none of the fleet's GPUs (5090) is on box"
    demand_some([found, plan(make_target("b"))], "box")


def test_what_is_wrong_with_one_target_is_its_own(
    plan: Callable[..., TargetPlan], make_target: Make, look: dict[str, Any]
) -> None:
    look["raises"] = UserError("there is no model in /models", "put one there")
    found = plan(make_target("coder"))
    assert (found.standing, found.runs) == (Standing.BROKEN, False)
    assert found.reasons == ("there is no model in /models",)


def test_a_plan_is_plain_data(plan: Callable[..., TargetPlan], make_target: Make) -> None:
    data = plan(make_target("coder", gpu="cpu", budget_s=60.0)).to_json()
    assert (data["gpu"], data["cards"], data["standing"]) == ("processor", ["cpu"], "not tuned yet")
    assert (data["budget_s"], data["runs"]) == (60.0, True)
