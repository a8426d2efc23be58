"""Whole comparisons on the fake engine: what lands on disk, what fails, what goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_service import FakeService
from quick_arms import arm_of, request_of

from autotune.compare.events import ArmTurn, CompareEvent, Opened, Surveying
from autotune.compare.request import CompareArm, CompareRequest
from autotune.compare.session import Compared, run_compare
from autotune.errors import MachineError, UserError
from autotune.launchers.protocol import CacheArm
from autotune.replay.plan import History
from autotune.search.request import RunRequest
from autotune.search.setup import study_folder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

ON, OFF = CacheArm.ON, CacheArm.OFF
SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"


class Bench:
    """One workload of two sessions with two turns each; runs comparisons of a fake engine."""

    def __init__(self, path: Path, model: Path, manifest: Callable[..., Path]) -> None:
        self.path, self.model, self.manifest = path, model, manifest
        self.workload = path / "wl.jsonl"
        self.events: list[CompareEvent] = []
        self.stop_after: int | None = None
        spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000, reply_tokens=16)
        write_capture(synthesize(spec), self.workload)

    def engine(self, *faults: str, space: bool = False, **tables: Any) -> str:
        """The fake engine, without a search space unless it is asked for."""
        path = self.manifest(*faults, search_space=str(SPACE), **tables)
        if not space:
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(x for x in lines if not x.startswith("search_space")))
        return str(path)

    def arm(self, name: str, *faults: str, **path: Any) -> CompareArm:
        engine = self.engine(*faults)
        return arm_of(name, engine=engine, model=self.model, **path)

    def cache_arms(self, *faults: str, **tables: Any) -> tuple[CompareArm, CompareArm]:
        """The same engine with its cache on and off."""
        engine = self.engine(*faults, **tables)
        path: dict[str, Any] = {"engine": engine, "model": self.model}
        return arm_of("cache=on", ON, **path), arm_of("cache=off", OFF, **path)

    def request(self, *arms: CompareArm, **fields: Any) -> CompareRequest:
        made = request_of(*arms, **{"blocks": 2, "until": 0.0001, **fields})
        run = replace(
            made.run,
            workload=self.workload,
            gpu="cpu",
            study=made.run.study or "c",
            studies_dir=self.path / "studies",
            max_output_tokens=4,
        )
        return replace(made, run=run)

    def __call__(self, *arms: CompareArm, **fields: Any) -> Compared:
        stop = threading.Event()
        turns = 0

        def told(event: CompareEvent) -> None:
            nonlocal turns
            self.events.append(event)
            turns += isinstance(event, ArmTurn)
            if self.stop_after is not None and turns >= self.stop_after:
                stop.set()

        return run_compare(self.request(*arms, **fields), told, stop)


@pytest.fixture
def compared(tmp_path: Path, fake_model: Path, fake_engine_manifest: Callable[..., Path]) -> Bench:
    return Bench(tmp_path, fake_model, fake_engine_manifest)


def failure(found: Compared, name: str) -> str | None:
    reason: str | None = next(a["failure"] for a in found.document["arms"] if a["name"] == name)
    return reason


def test_cache_on_against_cache_off(compared: Bench) -> None:
    found = compared(*compared.cache_arms())
    document = json.loads((found.folder.path / "compare.json").read_text())
    written = json.loads(json.dumps(found.document))
    assert document == {"schema_version": "compare/1", **written}
    assert (document["status"], document["ended"], document["blocks"]) == ("done", "blocks", 2)
    assert (document["baseline"], document["cache_experiment"]) == ("cache=on", True)
    on, off = document["arms"]
    assert (on["cache"], off["cache"]) == ("on", "off")
    assert on["history"] == off["history"] == "recorded"
    assert on["plan_digest"] == off["plan_digest"]
    assert off["effective"]["cache-ram"] == 0
    assert on["effective"]["cache-ram"] == 8192
    assert (off["figures"]["cached_share"], on["figures"]["turns"]) == (0.0, 8)
    assert on["figures"]["cached_share"] > 0.3
    records = list(found.folder.read_turns())
    assert [(r.arm, r.block) for r in records[::4]] == [
        ("cache=on", 0), ("cache=off", 0), ("cache=off", 1), ("cache=on", 1)
    ]  # fmt: skip
    depths = {(r.session_id, r.turn, r.block): set[int | None]() for r in records}
    for r in records:
        depths[r.session_id, r.turn, r.block].add(r.depth_tokens)
    assert all(len(found) == 1 for found in depths.values())
    assert {v["metric"] for v in document["verdicts"]} >= {"ttft", "total_wait"}
    opened = next(e for e in compared.events if isinstance(e, Opened))
    assert any("identical prompts" in note for note in opened.notes)
    assert (opened.turns, opened.sessions) == (4, 2)
    assert sorted(p.name for p in found.folder.logs.iterdir()) == [
        "cache-off-b0.log", "cache-off-b1.log", "cache-on-b0.log", "cache-on-b1.log"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "arm", "reason"),
    [
        ("cached-in-cold", "cache=off", "turn 0 reused 1 tokens although the cache is off"),
        ("never-cached", "cache=on", "the cache is on, yet none of 4 turns reused"),
        ("no-cached-field", "cache=on", "does not report cached tokens"),
    ],
)
def test_an_arm_that_is_not_what_it_says_is_an_error(
    compared: Bench, fault: str, arm: str, reason: str
) -> None:
    found = compared(*compared.cache_arms(fault), blocks=1)
    assert reason in (failure(found, arm) or "")
    assert (found.document["ended"], found.measured) == ("alone", False)
    assert found.document["verdicts"] == []


def test_a_failing_arm_is_named_and_the_others_go_on(compared: Bench) -> None:
    good, bad = compared.arm("good"), compared.arm("bad", "die-mid-stream=2")
    wrong = compared.arm("wrong", "wrong-settings", settings={"ubatch-size": 256})
    found = compared(good, bad, wrong, compared.arm("good (2)"))
    assert "session" in (failure(found, "bad") or "")
    assert "does not run with" in (failure(found, "wrong") or "")
    assert found.document["blocks"] == 2
    assert list(found.records) == ["good", "good (2)"]
    assert {v["arm"] for v in found.document["verdicts"]} == {"good (2)"}


def test_an_engine_that_does_not_start_at_all(compared: Bench) -> None:
    good, dead = compared.arm("good"), compared.arm("dead", "die-during-load")
    found = compared(good, dead, compared.arm("good (2)"))
    assert "does not start" in (failure(found, "dead") or "")
    assert found.measured
    with pytest.raises(MachineError, match="does not start"):
        compared(dead, replace(dead, name="dead (2)"), study="d")


def test_stopped_it_goes_on_where_it_was(compared: Bench) -> None:
    arms = compared.cache_arms()
    compared.stop_after = 1
    first = compared(*arms)
    assert (first.document["status"], first.document["ended"]) == ("stopped", "stopped")
    assert len(list(first.folder.read_turns())) == 4  # the arm under way finished its block
    compared.stop_after = None
    second = compared(*arms)
    assert second.document["status"] == "done"
    assert second.document["created_at"] == first.document["created_at"]
    assert len(list(second.folder.read_turns())) == 16
    assert sum(isinstance(e, Surveying) for e in compared.events) == 1
    # And once more: everything is known, nothing is started.
    compared.events.clear()
    third = compared(*arms)
    assert third.document["verdicts"] == second.document["verdicts"]
    assert [type(e) for e in compared.events] == [Opened]
    assert len(list(compared(*arms, blocks=3).folder.read_turns())) == 24


def test_another_command_on_the_same_folder_is_refused(compared: Bench) -> None:
    on, off = compared.cache_arms()
    compared(on, off, blocks=1)
    with pytest.raises(UserError, match="compares cache=on with cache=off, not cache=off"):
        compared(off, on)
    other = replace(on.path, settings={"threads": 2})  # type: ignore[type-var]
    changed = replace(on, path=other, defaults=False)
    with pytest.raises(UserError, match="another settings of cache=on"):
        compared(changed, off)
    spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000, seed=9)
    write_capture(synthesize(spec), compared.workload, force=True)
    with pytest.raises(UserError, match="workload") as caught:
        compared(on, off)
    assert "--study" in caught.value.hint
    run = RunRequest(workload=compared.workload, studies_dir=compared.path / "studies", study="c")
    with pytest.raises(UserError, match="is a comparison, no study"):
        study_folder(run, "x", None)


def test_a_study_is_not_taken_for_a_comparison(compared: Bench) -> None:
    folder = compared.path / "studies" / "c"
    folder.mkdir(parents=True)
    (folder / "provenance.json").write_text("{}")
    with pytest.raises(UserError, match="no comparison"):
        compared(*compared.cache_arms())


def test_history_as_an_arm(compared: Bench) -> None:
    base = arm_of("default", engine=compared.engine(), model=compared.model)
    recorded = replace(base, name="history=recorded", history=History.RECORDED)
    found = compared(base, recorded)
    first, second = found.document["arms"]
    assert (first["history"], second["history"]) == ("closed-loop", "recorded")
    assert first["plan_digest"] != second["plan_digest"]
    assert found.measured


def test_a_depth_that_no_turn_has_is_refused(compared: Bench) -> None:
    request = compared.request(*compared.cache_arms())
    deep = replace(request, run=replace(request.run, depth="30k-60k"))
    with pytest.raises(UserError, match="no turn is 30k-60k deep"):
        run_compare(deep, compared.events.append)


def test_an_endpoint_beside_an_engine_gets_the_same_turns(compared: Bench) -> None:
    service = FakeService()
    try:
        far = arm_of("far", url=service.url)
        found = compared(compared.arm("near"), far, blocks=1)
        alone = compared(far, replace(far, name="far (2)"), study="d", blocks=1)
    finally:
        service.close()
    near, there = found.document["arms"]
    assert (near["kind"], there["kind"], there["url"]) == ("launched", "attached", service.url)
    assert near["plan_digest"] == there["plan_digest"]  # recorded history, the same filler
    assert list(found.records) == ["near", "far"]
    assert [len(rows) for rows in found.records.values()] == [4, 4]
    opened = [e for e in compared.events if isinstance(e, Opened)]
    assert any("different servers" in note for note in opened[0].notes)
    assert opened[1].turns == 4  # without an engine to ask, depths are estimated
    assert list(alone.records) == ["far", "far (2)"]


def test_a_search_space_says_what_the_defaults_are(compared: Bench) -> None:
    engine = compared.engine(space=True)
    path: dict[str, Any] = {"engine": engine, "model": compared.model}
    found = compared(arm_of("default", **path), arm_of("default (2)", **path), blocks=1)
    first, second = (arm["settings"] for arm in found.document["arms"])
    assert first == second
    assert (first["ubatch-size"], first["parallel"]) == (512, 1)
