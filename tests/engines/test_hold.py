"""The real llama-server filled: a real session to 68k tokens, and a host prompt cache that grows.

A random model of a 131072-token window; what its caches take is known to the byte.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from autotune.candidate import Setting
from autotune.hardware.probe import gpu_probe
from autotune.records import TurnRecord
from autotune.scoring.growth import GrowthKind
from autotune.scoring.held import Held
from autotune.search.hold import Holder
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

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

LONG = "svc-1778982944853132415.jsonl"
"""Fourteen turns; recorded depth 5,463 to 59,151 tokens by its own tokenizer."""

MIB = 2**20


@dataclass(frozen=True)
class Subject:
    setup: Setup
    layout: Layout
    survey: Survey
    measurer: RealMeasurer


Fill = Callable[..., tuple[Held, list[TurnRecord]]]


@pytest.fixture
def fill(llama_server: Path, deep_model: Path, tmp_path: Path) -> Iterator[Fill]:
    """`fill(workload, left_s, **settings)`: one slot with the context needed, filled."""
    with ExitStack() as stack:
        probe = stack.enter_context(gpu_probe())

        def run(
            workload: Path, left_s: float | None, **settings: Setting
        ) -> tuple[Held, list[TurnRecord]]:
            request = RunRequest(
                workload=workload, engine="llama-server", engine_path=llama_server,
                model=deep_model, gpu="cpu", max_output_tokens=8, study="s",
                studies_dir=tmp_path / "studies",
            )  # fmt: skip
            setup = set_up(request, probe)
            measurer = make_measurer(setup, tmp_path / "work", probe)
            survey = surveyed(setup, measurer)
            subject = Subject(setup, lay_out(setup, survey), survey, measurer)
            log = setup.folder.turn_log()
            stack.callback(log.close)
            holder = Holder(
                round_name="hold-0001", log=log, listener=lambda _: None, stop=threading.Event(),
                left_s=lambda: left_s,
            )  # fmt: skip
            held = holder.hold(subject, entry_of(subject, settings), "trial-0001")
            assert held is not None
            rows = [r for r in setup.folder.read_turns() if r.arm == "hold-0001-trial-0001"]
            return held, rows

        yield run


def entry_of(subject: Subject, settings: dict[str, Setting]) -> Entry:
    space = subject.layout.space
    values = {
        **space.defaults,
        "parallel": 1,
        "ctx-size": space.parameter("ctx-size").choices[0],
        **{name.replace("_", "-"): value for name, value in settings.items()},
    }
    asked = to_settings(space, values)
    return Entry(1, "key", COMPLETE, 1.0, "", asked, {}, {}, 1.0, None, None, values)


def test_a_real_session_is_held_past_its_deepest_turn(fill: Fill, fizeau_captures: Path) -> None:
    held, rows = fill(fizeau_captures / LONG, 0.0, ubatch_size=2048, batch_size=2048)
    assert held.holds, held
    assert held.deepest_tokens > 55_000
    assert held.to_tokens == pytest.approx(1.1 * held.deepest_tokens, rel=0.005)
    assert held.to_tokens > 62_000
    assert held.has_headroom
    assert held.sessions == 2
    assert held.sentence.startswith(f"held to {held.to_tokens:,} tokens over 2 sessions, ")
    first = [r for r in rows if r.block == 0]
    depths = [r.depth_tokens or 0 for r in first]
    assert depths == sorted(depths)
    # Turn by turn: what was there before is reused, in the headroom as well.
    assert all((b.cached_tokens or 0) >= 0.9 * (a.depth_tokens or 0)
               for a, b in zip(first[-4:], first[-3:], strict=False))  # fmt: skip


def test_its_host_prompt_cache_is_not_called_a_leak(fill: Fill, tmp_path: Path) -> None:
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=3, turns=8, start_depth=2000, depth=24_000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    held, rows = fill(workload, None, cache_ram=8192)
    assert held.holds, held
    assert held.sessions == 4
    assert held.growth is not None
    assert held.growth.kind in (GrowthKind.BOUNDED, GrowthKind.STEADY), held.sentence
    # Two layers of two KV heads of 32 or so: about half a KiB a token, a prompt a session.
    per_session = held.growth.bytes_per_turn * held.growth.turns / 3
    assert per_session < 64 * MIB
    assert all(r.machine and r.machine.rss_peak_bytes for r in rows)
