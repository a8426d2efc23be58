"""Real transcripts on a real engine: what was recorded is what is replayed.

The reference engine with a random model of a 131072-token window; turns are cut by depth, so that
a replay ends in minutes on two cores. Counting alone goes to the full depth.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.launchers.process import launch, stop_process
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server
from autotune.launchers.registry import make_launcher
from autotune.records import TurnRecord
from autotune.replay.driver import replay
from autotune.replay.endpoint import Endpoint, Rendering
from autotune.replay.nonce import make_nonce
from autotune.replay.plan import History, Order
from autotune.replay.planning import make_plan
from autotune.replay.rendering import render
from autotune.trial.side_by_side import DepthRow, side_by_side
from autotune.trial.survey import Survey
from autotune.trial.true_depth import TrueDepth, find_true_depth
from autotune.workload.load import load_workload, workload_of
from autotune.workload.model import Session
from autotune.workload.padding import can_be_padded, pad_sessions
from autotune.workload.prefix import common_prefix
from autotune.workload.select import Selection, select

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures"
FOLDERS = ("claude-code", "codex", "pi", "openhands", "atif")
OFF_SHARE = {"claude-code": 0.0, "codex": 0.15}
"""Turns that may be off by more than 2%, for a reason that is told. The others hold nearly all of
their text, so that what one token is elsewhere decides, and it differs from text to text."""
REPLY_TOKENS = 4
DEEPEST_REPLAYED = 40_000


class Counting:
    """A running engine that counts, and how much it was asked."""

    def __init__(self, launcher: Launcher, server: Server) -> None:
        self.launcher, self.server = launcher, server
        self.asked_tokens = 0

    def __call__(self, messages: Any, tools: Any) -> int:
        tokens = self.launcher.count_tokens(self.server, messages, tools)
        assert tokens is not None
        self.asked_tokens += tokens
        return tokens


@pytest.fixture(scope="module")
def engine(
    deep_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Launcher, Server]]:
    """The reference engine with one slot as deep as what is replayed, and room to spare."""
    launcher = make_launcher("reference")
    folder = tmp_path_factory.mktemp("engine")
    context = LaunchContext(
        model=deep_model, work_dir=folder / "work", log_path=folder / "log", trial_id="deep",
        start_timeout_s=120,
    )  # fmt: skip
    settings: dict[str, Any] = {"ctx-size": 65_536, "parallel": 1, "cache-ram": 0}
    server = launch(launcher, Candidate(settings), context)
    yield launcher, server
    stop_process(server.process)


def sessions_of(folder: str) -> tuple[Session, ...]:
    path = CAPTURES / folder
    if not path.is_dir():
        pytest.skip("no real captures beside this checkout")
    return load_workload(path).sessions


def lengths(sessions: tuple[Session, ...], longest: int | None) -> dict[tuple[str, int], int]:
    plan = make_plan(
        workload_of(sessions), history=History.RECORDED, order=Order.SEQUENTIAL, concurrency=1,
        max_output_tokens=longest, default_output_tokens=128,
    )  # fmt: skip
    return {(p.turn.session_id, p.turn.index): p.output_tokens for p in plan.turns}


def looked_at(
    sessions: tuple[Session, ...], found: TrueDepth
) -> tuple[tuple[Session, ...], list[DepthRow]]:
    survey = Survey(found.depths, Rendering.PLAIN, (), found.pads, found.scales)
    padded = pad_sessions(sessions, found.pads)
    return padded, side_by_side(padded, survey)


@pytest.mark.parametrize("history", list(History))
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_turn_is_as_deep_as_recorded_or_the_reason_is_told(
    engine: tuple[Launcher, Server], folder: str, history: History
) -> None:
    sessions = sessions_of(folder)
    count = Counting(*engine)
    began = time.monotonic()
    found = find_true_depth(sessions, lengths(sessions, None), history, Rendering.PLAIN, count)
    padded, rows = looked_at(sessions, found)
    whole = sum(found.depths.values())
    print(f"{folder} {history}: {count.asked_tokens} tokens counted for {whole} of prompts,")
    print(f"{time.monotonic() - began:.1f} s")
    for row in rows:
        print(row.sentence())
        assert row.off_turns <= row.turns * OFF_SHARE.get(folder, 1.0)
        assert row.reason or not row.off_turns
    for bare, session in zip(sessions, padded, strict=True):
        for (a, b), (c, d) in zip(pairwise(bare.turns), pairwise(session.turns), strict=True):
            if d.boundary is None:
                kept = common_prefix(a.messages, b.messages)
                assert common_prefix(c.messages, d.messages) >= kept


def test_depths_between_counted_prompts_are_right(engine: tuple[Launcher, Server]) -> None:
    """Every 25th prompt of the longest session, counted whole, against what was worked out."""
    sessions = sessions_of("pi")
    count = Counting(*engine)
    found = find_true_depth(
        sessions, lengths(sessions, None), History.RECORDED, Rendering.PLAIN, count
    )
    (session, *_), _ = looked_at(sessions, found)
    for turn in session.turns[::25]:
        shown = render(turn.messages, turn.tools, Rendering.PLAIN)
        exact = count(shown.messages, shown.tools)
        assert found.depths[turn.session_id, turn.index] == pytest.approx(exact, rel=0.005)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_engine_reports_the_recorded_depth(
    engine: tuple[Launcher, Server], folder: str
) -> None:
    launcher, server = engine
    whole = workload_of([s for s in sessions_of(folder) if can_be_padded(s)])
    cut, _ = select(whole, Selection(max_depth=DEEPEST_REPLAYED, max_sessions=1, max_turns=12))
    sessions = cut.sessions
    closed = History.CLOSED_LOOP
    found = find_true_depth(
        sessions, lengths(sessions, REPLY_TOKENS), closed, Rendering.PLAIN, Counting(*engine)
    )
    padded, rows = looked_at(sessions, found)
    records = replayed(launcher, server, padded, closed)
    assert all(r.ok for r in records)
    off = {row.session_id: row.off_turns for row in rows}
    for record in records:
        depth = found.depths[record.session_id, record.turn]
        assert record.depth_tokens == pytest.approx(depth, rel=0.02, abs=64)
        if not off[record.session_id]:
            turn = next(t for s in sessions for t in s.turns if t.index == record.turn)
            scaled = rows[0].scale * (turn.recorded.prompt_tokens or depth)
            assert record.depth_tokens == pytest.approx(scaled, rel=0.02, abs=64)


def replayed(
    launcher: Launcher, server: Server, sessions: tuple[Session, ...], history: History
) -> list[TurnRecord]:
    plan = make_plan(
        workload_of(sessions), history=history, order=Order.SEQUENTIAL, concurrency=1,
        max_output_tokens=REPLY_TOKENS, default_output_tokens=REPLY_TOKENS,
    )  # fmt: skip

    def fields(tokens: int | None) -> Any:
        return launcher.request_fields(CacheArm.ON, tokens)

    endpoint = Endpoint(
        server.base_url, launcher.model_name, fields, rendering=Rendering.PLAIN,
        alive=lambda: server.process.poll() is None,
    )  # fmt: skip
    nonce = make_nonce(1, "deep", 0)
    sink: Callable[[TurnRecord], None] = lambda record: None  # noqa: E731
    return replay(plan, endpoint, arm="deep", block=0, nonce=nonce, sink=sink)
