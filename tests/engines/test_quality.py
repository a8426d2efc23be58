"""The quality guard on the real llama-server and real weights: 8 bits, 4 bits, a whole run."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
from calling_sessions import sessions

from autotune.candidate import Candidate, Setting
from autotune.errors import ExitCode
from autotune.launchers.protocol import Server
from autotune.launchers.registry import make_launcher
from autotune.replay.endpoint import Rendering
from autotune.scoring.quality import QualityFigures, Standing, Threshold
from autotune.search.events import Event, TrialFinished
from autotune.search.quality_gate import GuardPlan, QualityGate
from autotune.search.request import RunRequest
from autotune.search.session import run_study
from autotune.search.space import Parameter, Space, to_settings
from autotune.search.space_file import shipped_space
from autotune.trial.quality_walks import plan_walks
from autotune.trial.real import RealMeasurer
from autotune.trial.serving import serving
from autotune.workload.model import Session
from autotune.workload.writer import write_capture

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

KV = ("f16", "q8_0", "q4_0")
SPACE = Space(
    "llama-server",
    tuple(
        Parameter(f"cache-type-{side}", KV, "f16", "quantization", quality=True) for side in "kv"
    ),
    fixed={"ctx-size": 4096, "parallel": 1, "cache-ram": 0, "threads": 1, "poll": 0},
)


@pytest.fixture(scope="module")
def gate(
    llama_server: Path, smollm2: Path, tmp_path_factory: pytest.TempPathFactory
) -> QualityGate:
    """Open, at 160 positions of three short sessions full of calls."""
    folder = tmp_path_factory.mktemp("quality")
    measurer = RealMeasurer(
        launcher=make_launcher("llama-server", engine_path=llama_server), model=smollm2,
        logs_dir=folder / "logs", work_dir=folder / "work", seed=0,
    )  # fmt: skip
    turns = sessions(3, steps=8)
    depths = {(t.session_id, t.index): 100 * (t.index + 1) for t in turns}
    plan = GuardPlan(
        walks=plan_walks(turns, depths, Rendering.PLAIN, seed=0), threshold=Threshold(),
        identity={}, model_name="local", seed=0, positions=160, calls=3,
    )  # fmt: skip
    serve: partial[AbstractContextManager[Server]] = partial(serving, measurer)
    opened = QualityGate(plan, SPACE, serve, folder)
    assert opened.open() is None
    return opened


def figures_of(gate: QualityGate, kv: str) -> QualityFigures:
    values: dict[str, Setting] = {"cache-type-k": kv, "cache-type-v": kv}
    found = gate.check(Candidate(to_settings(SPACE, {**SPACE.defaults, **values})))
    assert found is not None
    assert found.figures is not None
    return found.figures


def test_a_cache_of_four_bits_is_told_from_one_of_eight(gate: QualityGate) -> None:
    eight, four = figures_of(gate, "q8_0"), figures_of(gate, "q4_0")
    print(json.dumps({"q8_0": asdict(eight), "q4_0": asdict(four)}))
    assert eight.kl_p99.high < four.kl_p99.low
    assert eight.kl_mean.high < four.kl_mean.low
    assert eight.kl_p99.high < Threshold().max_kl_p99


def test_the_reference_against_itself_is_at_distance_zero(gate: QualityGate) -> None:
    same = Space(
        "llama-server",
        (Parameter("threads-batch", (2, 1), 2, "threads", quality=True), *SPACE.parameters),
        fixed=SPACE.fixed,
    )
    plan = replace(gate.plan, positions=100)
    again = QualityGate(plan, same, gate.serve, gate.folder / "again")
    again.open()
    found = again.check(Candidate(to_settings(same, {**same.defaults, "threads-batch": 1})))
    assert found is not None
    assert found.figures is not None
    assert found.verdict.standing is Standing.PASSES
    assert (found.figures.kl_p99.high, found.figures.top1.value) == (0.0, 1.0)


def test_a_run_refuses_what_is_too_far_away_and_says_by_how_much(
    llama_server: Path, smollm2: Path, tmp_path: Path
) -> None:
    turns = sessions(4, steps=6)
    names = list(dict.fromkeys(turn.session_id for turn in turns))
    workload = tmp_path / "wl.jsonl"
    write_capture(
        [Session(n, tuple(t for t in turns if t.session_id == n)) for n in names], workload
    )
    pins = {
        name: entry.default
        for name, entry in shipped_space("llama-server").parameters.items()
        if not entry.quality and not str(entry.default).startswith("@")
    }
    request = RunRequest(
        workload=workload, gpu="cpu", engine="llama-server", engine_path=llama_server,
        model=smollm2, trials=2, confirm_blocks=1, max_output_tokens=4, study="s",
        studies_dir=tmp_path, quality="guard", quality_positions=100, max_kl_p99=1e-7,
        pins={**pins, "threads": 1, "threads-batch": 1, "poll": 0, "ctx-size": 4096},
        hold=False, max_sessions=4,
    )  # fmt: skip
    events: list[Event] = []
    summary = run_study(request, events.append)
    assert summary.exit_code == ExitCode.NOTHING_BETTER
    changed = [e for e in events if isinstance(e, TrialFinished) and e.changes]
    refused = [e for e in changed if e.failure == "quality"]
    assert refused
    assert all("above 1e-07" in (e.reason or "") for e in refused)
    assert all(e.value is None for e in refused)
    assert summary.quality is not None
    assert summary.quality["refused"]
    result = json.loads((tmp_path / "s" / "result.json").read_text())
    assert result["summary"]["quality"]["refused"] == summary.quality["refused"]
