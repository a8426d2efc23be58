"""The reference engine by all three APIs, and launched: the same turns, equally deep."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.errors import MachineError, UserError
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.paths.events import PathStarted
from autotune.paths.spec import AttachedPath, LaunchedPath
from autotune.paths.table import read_table
from autotune.replay.dialect import Api

_DEEP_MODEL = "~/.cache/autotune/models/random-llama-2x256-131072-r1.gguf"
SETTINGS = {"ctx-size": 2048, "parallel": 1}


@pytest.fixture(scope="session")
def quick_model(request: pytest.FixtureRequest) -> Path:
    """Two layers of random weights, where they are; else the real model."""
    path = Path(os.environ.get("AUTOTUNE_TEST_DEEP_MODEL", _DEEP_MODEL)).expanduser()
    found: Path = path if path.is_file() else request.getfixturevalue("smollm2")
    return found


def test_three_apis_and_a_launch_see_the_same_prompts(
    reference_launcher: Launcher,
    quick_model: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: Callable[[Server], Server],
    measured: Any,
) -> None:
    context = launch_context(quick_model)
    server = stop_later(launch(reference_launcher, Candidate(SETTINGS), context))
    paths = [AttachedPath(name=api.value, url=f"{server.base_url}/v1", api=api) for api in Api]
    own = LaunchedPath(name="own", engine="reference", model=quick_model, settings=SETTINGS)
    assert measured(*paths, own, max_turns=2).stopped is None
    records = measured.folder.records()
    assert [r.failure for r in records] == [None] * 16
    by_turn: dict[tuple[str, int], set[int | None]] = {}
    for record in records:
        by_turn.setdefault((record.session_id, record.turn), set()).add(record.depth_tokens)
    assert len(by_turn) == 4
    assert all(len(depths) == 1 and None not in depths for depths in by_turn.values())
    table = read_table(measured.folder)
    assert [row.serves for row in table.rows] == ["llamacpp"] * 3 + ["reference"]
    assert [row.fixed_length for row in table.rows] == [True, False, True, True]
    for row in table.rows:
        assert row.deepest is not None
        assert row.deepest.turns == 4
        assert row.deepest.ttft_p50_s is not None
        assert (row.deepest.cached_share or 0) > 0.2
    assert not any(row.hosted or row.cost_usd for row in table.rows)


def test_a_fake_engine_launched_as_it_was_tuned(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, measured: Any
) -> None:
    manifest = str(fake_engine_manifest())
    path = LaunchedPath(
        name="tuned",
        engine=manifest,
        model=fake_model,
        settings={"ubatch-size": 256},
        origin="config.json",
        tuned_sha256="sha256:other",
    )
    assert measured(path).stopped is None
    facts = measured.folder.read()["paths"]["tuned"]
    assert facts["effective"]["ubatch-size"] == 256
    assert Path(facts["log"]).is_file()
    started = next(e for e in measured.events if isinstance(e, PathStarted))
    assert any("tuned on another build" in note for note in started.notes)
    assert read_table(measured.folder).rows[0].answered == 6


@pytest.mark.parametrize(
    ("fault", "message"),
    [("oom-during-load", "does not start"), ("wrong-settings", "does not run with")],
)
def test_an_engine_that_will_not_run_is_one_error(
    fake_engine_manifest: Callable[..., Path],
    fake_model: Path,
    measured: Any,
    fault: str,
    message: str,
) -> None:
    path = LaunchedPath(
        name="p",
        engine=str(fake_engine_manifest(fault)),
        model=fake_model,
        settings={"ubatch-size": 256},
    )
    with pytest.raises(MachineError, match=message) as caught:
        measured(path)
    assert "its log is" in caught.value.hint
    with pytest.raises(UserError, match="there is no model"):
        measured(LaunchedPath(name="q", engine="reference", model=Path("nowhere.gguf")))


def test_a_crash_is_explained_and_the_rest_goes_on_next_time(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, measured: Any
) -> None:
    manifest = str(fake_engine_manifest("die-mid-stream=3"))
    path = LaunchedPath(name="p", engine=manifest, model=fake_model)
    measured(path)
    records = measured.folder.records()
    assert [r.ok for r in records][:3] == [True, True, False]
    assert records[2].failure == "crash"
    assert {r.failure for r in records[3:]} == {"unreached"}
    measured(path)
    # Three requests more: a warm-up and two turns, and the first of each session is marked.
    assert sum(r.ok for r in measured.folder.records()) == 4
