"""A/A runs on a real process: the same config again and again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.scoring.noise import METRICS, Method
from autotune.search.aa import AaRun, measure_floor, write_built_in
from autotune.search.floor_cache import FloorCache
from autotune.search.request import RunRequest
from autotune.workload.load import load_workload

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"

Ask = Callable[..., RunRequest]


@pytest.fixture
def ask(fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path) -> Ask:
    """The fake engine on the built-in workload; a token takes 2 ms."""

    def make(*faults: str) -> RunRequest:
        manifest = fake_engine_manifest(
            *faults, prefill_us=2.0, token_us=2000.0, search_space=str(SPACE)
        )
        return RunRequest(
            workload=write_built_in(tmp_path / "wl.jsonl"),
            engine=str(manifest),
            model=fake_model,
            gpu="cpu",
            max_output_tokens=3,
            noise_cache=tmp_path / "noise",
        )

    return make


def test_runs_are_repeated_until_the_time_is_up_and_the_floor_is_kept(
    ask: Ask, tmp_path: Path
) -> None:
    told: list[AaRun] = []
    # The clock ticks a second a look: twice at the start, then once a run, and at the end.
    ticks = count()
    result = measure_floor(ask(), 4.0, told.append, clock=lambda: float(next(ticks)))
    assert [run.number for run in told] == list(range(1, result.runs + 1))
    assert 3 <= result.runs <= 5
    assert set(result.floor.half_widths) == set(METRICS)
    assert result.floor.pairs >= 2
    assert all(run.turn_s is not None for run in told)
    assert FloorCache(tmp_path / "noise").read(result.key) == result.floor
    assert result.key.shape.startswith(("4+", "8+", "16+"))
    assert not (tmp_path / "studies").exists()


def test_two_runs_are_made_however_short_the_time(ask: Ask) -> None:
    result = measure_floor(ask(), 0.001)
    assert result.runs == 2
    assert result.floor.method is Method.PARTS


def test_what_cannot_be_measured_is_a_machine_error(ask: Ask) -> None:
    with pytest.raises(MachineError, match="defaults cannot be measured") as caught:
        measure_floor(ask("die-mid-stream=2"), 1.0)
    assert "--model" in (caught.value.hint or "")


def test_the_built_in_workload_is_always_the_same(tmp_path: Path) -> None:
    first, second = (write_built_in(tmp_path / name) for name in ("a.jsonl", "b.jsonl"))
    assert first.read_bytes() == second.read_bytes()
    workload = load_workload(first)
    assert len(workload.sessions) == 2
