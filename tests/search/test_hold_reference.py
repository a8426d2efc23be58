"""A config filled on a real engine, by everything that a run does before it."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from autotune.hardware.probe import gpu_probe
from autotune.scoring.growth import GrowthKind
from autotune.scoring.held import Held
from autotune.search.events import Event, HoldFinished, HoldStarted
from autotune.search.hold import Holder, slot_context
from autotune.search.layout import Layout, lay_out
from autotune.search.ledger import COMPLETE, Entry
from autotune.search.opening import make_measurer
from autotune.search.request import RunRequest
from autotune.search.setup import Setup, set_up
from autotune.search.space import to_settings
from autotune.search.surveying import surveyed
from autotune.trial.real import RealMeasurer
from autotune.trial.survey import Survey
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture
from make_deep_gguf import Shape, write


@dataclass(frozen=True)
class Subject:
    setup: Setup
    layout: Layout
    survey: Survey
    measurer: RealMeasurer


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One session of three turns, about 1400 tokens deep."""
    path = tmp_path_factory.mktemp("workload") / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=3, start_depth=800, depth=1400, reply_tokens=16)
    write_capture(synthesize(spec), path)
    return path


def entry_of(subject: Subject) -> Entry:
    """One slot with the context that is needed and no more, as a winner would have it."""
    space = subject.layout.space
    context = space.parameter("ctx-size").choices[0]
    values = {**space.defaults, "parallel": 1, "ctx-size": context}
    settings = to_settings(space, values)
    return Entry(3, "key", COMPLETE, 1.0, "", settings, {}, {}, 1.0, None, None, values)


@pytest.mark.usefixtures("reference_launcher")
def test_a_real_engine_is_held_to_its_deepest_turn_and_the_headroom(
    smollm2: Path, tmp_path: Path, workload: Path
) -> None:
    model = tmp_path / "small.gguf"
    write(smollm2, model, Shape(layers=1, width=64, feed_forward=128, context_tokens=8192))
    request = RunRequest(
        workload=workload, engine="reference", model=model, gpu="cpu", max_output_tokens=4,
        study="s", studies_dir=tmp_path / "studies",
    )  # fmt: skip
    events: list[Event] = []
    with ExitStack() as stack:
        probe = stack.enter_context(gpu_probe())
        setup = set_up(request, probe)
        measurer = make_measurer(setup, tmp_path / "work", probe)
        survey = surveyed(setup, measurer)
        subject = Subject(setup, lay_out(setup, survey), survey, measurer)
        log = setup.folder.turn_log()
        stack.callback(log.close)
        holder = Holder(
            round_name="hold-0001", log=log, listener=events.append, stop=threading.Event(),
            left_s=lambda: None,
        )  # fmt: skip
        entry = entry_of(subject)
        held = holder.hold(subject, entry, "trial-0003")
        again = holder.hold(subject, entry, "trial-0003")
    assert isinstance(held, Held)
    assert held == again
    assert held.failure is None, held
    assert held.deepest_tokens == subject.layout.deepest_tokens
    # The context that is searched has room for the headroom.
    context = slot_context(subject, entry)
    assert context is not None
    assert held.wanted_tokens < context <= 1.5 * held.deepest_tokens
    assert held.to_tokens == pytest.approx(held.wanted_tokens, rel=0.02)
    assert held.sessions == 4
    assert held.growth is not None
    assert held.growth.kind in (GrowthKind.STEADY, GrowthKind.BOUNDED), held.sentence
    assert (held.free_bytes_at_deepest or 0) > 0
    assert [type(e) for e in events if isinstance(e, HoldStarted | HoldFinished)] == [
        HoldStarted, HoldFinished, HoldFinished,
    ]  # fmt: skip
    rows = [r for r in setup.folder.read_turns() if r.arm == "hold-0001-trial-0003"]
    assert len(rows) == held.turns
    # One server: each session begins cold, and goes on from what the turn before left.
    for block in range(4):
        own = [r for r in rows if r.block == block]
        assert (own[0].cached_tokens or 0) < 0.2 * (own[0].depth_tokens or 0)
        assert all((r.cached_tokens or 0) > 0.3 * (r.depth_tokens or 0) for r in own[2:])
