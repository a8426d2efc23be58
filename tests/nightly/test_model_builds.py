"""A newer model beside the one in use: what is measured, and when it is worse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nightly_site import config

from autotune.compare.request import CompareRequest
from autotune.compare.session import Compared
from autotune.nightly import model_builds
from autotune.nightly.model_builds import Builds, builds_compared, model_of, other_model
from autotune.search.request import RunRequest
from autotune.study.folder import StudyFolder


def builds(ratio: float | None, high: float | None = None, **fields: Any) -> Builds:
    return Builds(newer="new.gguf", in_use="old.gguf", ratio=ratio, low=0.5, high=high, **fields)


def test_worse_is_slower_beyond_what_counts_and_beyond_doubt() -> None:
    assert builds(0.8, 0.9).is_worse
    assert not builds(0.8, 1.02).is_worse
    assert not builds(0.97, 0.99).is_worse
    assert not builds(1.4, 1.6).is_worse


def test_what_could_not_be_told_does_not_go_live() -> None:
    assert builds(1.0, 1.1).may_go_live
    assert not builds(0.8, 0.9).may_go_live
    unknown = builds(None, problem="newer: it crashed")
    assert not unknown.may_go_live
    assert unknown.said == "new.gguf could not be compared with old.gguf: newer: it crashed"
    assert builds(None, problem="in-use: it crashed", old_fails=True).may_go_live


def test_the_model_of_a_config() -> None:
    assert model_of(config()) == Path("/models/m.gguf")
    chosen = replace(config(), full_settings={"model": "/models/q8.gguf"})
    assert model_of(chosen) == Path("/models/q8.gguf")


def test_another_model_is_one_that_is_still_there(tmp_path: Path) -> None:
    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    new.touch()
    seen: Any = type("Seen", (), {"model": new})
    live = config(model=str(old))
    assert other_model(live, seen) is None
    old.touch()
    assert other_model(live, seen) == old
    assert other_model(config(model=str(new)), seen) is None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Both compared, by a comparison whose document is given; the request comes back as well."""
    monkeypatch.setattr(model_builds, "write_sessions", lambda _c, _s, path: path)

    def compare(verdicts: list[dict[str, Any]], **failures: str) -> tuple[Builds, CompareRequest]:
        requests = []

        def duel(request: CompareRequest, stop: threading.Event) -> Compared:
            requests.append(request)
            arms = [
                {"name": arm.name, "failure": failures.get(arm.name.replace("-", "_"))}
                for arm in request.arms
            ]
            return Compared(StudyFolder(tmp_path), {"verdicts": verdicts, "arms": arms}, {})

        request = RunRequest(
            workload=tmp_path / "sessions" / "w.jsonl.gz", study="night", studies_dir=tmp_path,
            engine="auto", objective="ttft",
        )  # fmt: skip
        found = builds_compared(
            config(256, model="/old.gguf"), config(512, model="/new.gguf"), request, (),
            tmp_path / "captures", duel=duel, stop=threading.Event(), budget_s=60.0,
        )  # fmt: skip
        return found, requests[0]

    return compare


def test_each_runs_with_its_own_settings_on_the_proofs_sessions(asked: Any) -> None:
    row = {"arm": "newer", "metric": "ttft", "ratio": 1.2, "low": 1.1, "high": 1.3}
    other = {"arm": "newer", "metric": "decode", "ratio": 0.1, "low": 0.1, "high": 0.1}
    found, request = asked([other, row, {**row, "ratio": 9.0}])
    assert (found.ratio, found.low, found.high) == (1.2, 1.1, 1.3)
    assert found.said == "new.gguf has 1.20x the speed of old.gguf (1.10 to 1.30)"
    one, two = (arm.launched for arm in request.arms)
    assert (one.model, two.model) == (Path("/old.gguf"), Path("/new.gguf"))
    assert (one.settings["batch-size"], two.settings["batch-size"]) == (256, 512)
    assert {one.engine, two.engine} == {"llama-server"}
    assert request.metrics == ("ttft",)
    assert request.run.study == "night-models"
    assert request.run.workload.name.startswith("proof-")
    assert request.budget_s == 60.0


def test_who_does_not_run_is_told(asked: Any) -> None:
    found, _ = asked([], newer="crash")
    assert (found.problem, found.old_fails) == ("newer: crash", False)
    found, _ = asked([], in_use="crash")
    assert (found.problem, found.old_fails) == ("in-use: crash", True)
    found, _ = asked([])
    assert found.problem == "too little was measured"
