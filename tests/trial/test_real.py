"""One candidate on a real process: every fault is classified, none is scored, nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from autotune.candidate import Candidate
from autotune.hardware.gpu import ClockEvent, Gpu, GpuState
from autotune.hardware.memory_back import MemoryWatch
from autotune.launchers.failure import FailureKind
from autotune.launchers.protocol import CacheArm, Launcher
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.trial.measurement import Measurement, never
from autotune.trial.patience import Patience
from autotune.trial.real import RealMeasurer

GIB = 2**30
CANDIDATE = Candidate({"ctx-size": 4096, "ubatch-size": 256, "parallel": 1})


Measure = Callable[..., tuple[Measurement, list[TurnRecord]]]


@pytest.fixture
def measure(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> Measure:
    """``measure("die-mid-stream=2", settings={...})``: what was measured, and what was sunk."""

    def run(
        *faults: str, settings: dict[str, Any] | None = None, **options: Any
    ) -> tuple[Measurement, list[TurnRecord]]:
        arm = options.pop("cache_arm", CacheArm.ON)
        enough = options.pop("enough", never)
        timeouts = {k: options.pop(k) for k in list(options) if k.endswith("_timeout_s")}
        card = {k: options.pop(k) for k in ("probe", "gpu_uuid", "patience") if k in options}
        sunk: list[TurnRecord] = []
        measurer = RealMeasurer(
            launcher=fake_launcher(*faults, **options),
            model=fake_model,
            logs_dir=tmp_path / "logs",
            work_dir=tmp_path / "work",
            seed=0,
            cache_arm=arm,
            **{"start_timeout_s": 60.0, **timeouts, **card},
        )
        candidate = CANDIDATE.merged(settings or {})
        measured = measurer.measure(
            candidate, plan, arm="trial-0000", block=0, sink=sunk.append, enough=enough
        )
        return measured, sunk

    return run


def engines_of(folder: Path) -> list[int]:
    """Engines that serve a model below `folder`: those of this test, whoever else runs some."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if "--model" in line and any(part.startswith(str(folder)) for part in line):
            found.append(process.pid)
    return found


def test_a_good_trial_has_every_turn_and_says_what_it_ran_with(
    measure: Measure, tmp_path: Path
) -> None:
    measured, sunk = measure()
    assert measured.failure is None
    assert [r.order for r in measured.records] == [0, 1, 2, 3, 4, 5]
    assert list(measured.records) == sorted(sunk, key=lambda r: r.order)
    assert measured.effective["ubatch-size"] == 256
    assert all(r.output_tokens == 4 for r in measured.records)
    later = [r for r in measured.records if r.turn > 0]
    assert all(r.cached_tokens for r in later if r.session_id == measured.records[0].session_id)
    assert measured.seconds.total_s > 0
    assert measured.telemetry
    machines = [r.machine for r in sunk]
    assert all(m is not None and m.looks >= 1 and m.rss_peak_bytes for m in machines)
    assert measured.log_path is not None
    assert measured.log_path.is_file()
    assert engines_of(tmp_path) == []


def test_a_trial_that_is_left_early_keeps_what_it_measured_and_stops_its_engine(
    measure: Measure, tmp_path: Path
) -> None:
    looks = iter([False, False, True])
    measured, sunk = measure(enough=lambda: next(looks))
    assert [r.order for r in measured.records] == [r.order for r in sunk] == [0, 1]
    assert not measured.whole
    assert measured.failure is None
    assert engines_of(tmp_path) == []
    assert measure()[0].whole


def test_the_private_home_is_gone_and_the_log_stays(measure: Measure, tmp_path: Path) -> None:
    measure()
    assert not list((tmp_path / "work").iterdir())
    assert (tmp_path / "logs" / "trial-0000-b0.log").read_text()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("die-during-load", FailureKind.LOAD_ERROR),
        ("crash-during-load", FailureKind.CRASH),
        ("oom-during-load", FailureKind.OUT_OF_MEMORY),
        ("port-taken", FailureKind.PORT_TAKEN),
        ("wrong-settings", FailureKind.SETTINGS_DIFFER),
        ("die-mid-stream=2", FailureKind.CRASH),
        ("close-mid-stream=2", FailureKind.BAD_REPLY),
        ("error-mid-stream=2", FailureKind.CONTEXT_OVERFLOW),
        ("no-finish=2", FailureKind.BAD_REPLY),
        ("status-500=2", FailureKind.BAD_REPLY),
        ("wrong-length=2", FailureKind.WRONG_LENGTH),
        ("never-cached", FailureKind.CACHE_ARM),
    ],
)
def test_every_fault_is_classified_and_leaves_no_process(
    measure: Measure, tmp_path: Path, fault: str, kind: FailureKind
) -> None:
    measured, _ = measure(fault)
    assert measured.failure is not None
    assert measured.failure.kind is kind, measured.failure
    assert measured.failure.message
    assert engines_of(tmp_path) == []


def test_an_engine_that_never_answers_is_timed_out(measure: Measure, tmp_path: Path) -> None:
    measured, _ = measure("never-ready", start_timeout_s=1.0)
    assert measured.failure is not None
    assert measured.failure.kind is FailureKind.TIMEOUT
    assert engines_of(tmp_path) == []


@pytest.mark.parametrize("fault", ["hang-first-token=2", "hang-mid-stream=2"])
def test_silence_is_a_hang(measure: Measure, fault: str) -> None:
    measured, sunk = measure(fault, first_token_timeout_s=0.5, idle_timeout_s=0.5)
    assert measured.failure is not None
    assert measured.failure.kind is FailureKind.HANG
    # What follows a hang is recorded as not reached, so that nobody takes it for measured.
    assert {r.failure for r in sunk[2:]} <= {"hang", "unreached"}


class Hasty(Patience):
    """Waits for half a second, and keeps what it was told."""

    asked: ClassVar[list[str]] = []

    def silence_s(self, arm: str, most_s: float) -> float:
        self.asked.append(arm)
        return min(0.5, most_s)


def test_a_study_waits_as_long_as_it_has(measure: Measure) -> None:
    patience = Hasty(limit_s=100.0)
    measured, _ = measure("hang-first-token=2", patience=patience)
    assert measured.failure is not None
    assert measured.failure.kind is FailureKind.HANG
    assert "within 0.5 s" in measured.failure.message
    assert set(patience.asked) == {"trial-0000-b0"}
    # The turn before it and the load were seen.
    assert Patience.silence_s(patience, "trial-0001", 600.0) < 600.0
    assert patience.start_s("trial-0001", 600.0) < 600.0


def test_a_context_that_is_too_small_overflows(measure: Measure) -> None:
    measured, _ = measure(settings={"ctx-size": 512})
    assert measured.failure is not None
    assert measured.failure.kind is FailureKind.CONTEXT_OVERFLOW


def test_a_flag_the_engine_does_not_have_is_no_launch(measure: Measure) -> None:
    measured, sunk = measure(settings={"warp-drive": True})
    assert measured.failure is not None
    assert measured.failure.kind is FailureKind.BAD_FLAG
    assert sunk == []


def test_cold_means_cold(measure: Measure) -> None:
    measured, _ = measure(cache_arm=CacheArm.OFF)
    assert measured.failure is None
    assert all(r.cached_tokens == 0 for r in measured.records)
    warm, _ = measure("cached-in-cold", cache_arm=CacheArm.OFF)
    assert warm.failure is not None
    assert warm.failure.kind is FailureKind.CACHE_ARM


def test_an_interrupt_stops_the_engine_and_passes(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> None:
    def interrupt(_: TurnRecord) -> None:
        raise KeyboardInterrupt

    measurer = RealMeasurer(
        launcher=fake_launcher(), model=fake_model, logs_dir=tmp_path, work_dir=tmp_path, seed=0
    )
    with pytest.raises(KeyboardInterrupt):
        measurer.measure(CANDIDATE, plan, arm="trial-0009", block=0, sink=interrupt)
    assert engines_of(tmp_path) == []


def test_no_two_trials_share_a_nonce(measure: Measure, plan: ReplayPlan) -> None:
    first, _ = measure()
    # A fresh server and another block: the same work, token for token.
    depths = [r.depth_tokens for r in first.records]
    again, _ = measure()
    assert [r.depth_tokens for r in again.records] == depths


class _Card:
    """A card of which `free` gives what is free at each look; its clocks are held down by heat."""

    problem = None

    def __init__(self, free: Iterator[int]) -> None:
        self._free = free

    def gpus(self) -> tuple[Gpu, ...]:
        return ()

    def state(self, uuid: str) -> GpuState:
        assert uuid == "GPU-1"
        return GpuState(free_bytes=next(self._free), sm_clock_mhz=900, events=ClockEvent.HW_THERMAL)


def test_a_throttled_card_is_in_every_turn(measure: Measure) -> None:
    measured, sunk = measure(probe=_Card(repeat(20 * GIB)), gpu_uuid="GPU-1")
    assert measured.failure is None
    for record in sunk:
        assert record.machine is not None
        assert (record.machine.throttle, record.machine.sm_clock_max_mhz) == (0x40, 900)
    assert "vram_missing_bytes" not in measured.telemetry


def test_memory_that_an_engine_keeps_is_told(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotune.trial.real.MemoryWatch", partial(MemoryWatch, timeout_s=0.2))
    free = chain([20 * GIB], repeat(17 * GIB))
    measured, _ = measure(probe=_Card(free), gpu_uuid="GPU-1")
    assert measured.telemetry["vram_missing_bytes"] == 3 * GIB
    assert measured.telemetry["contaminated"] is True
    assert (
        "3.0 GiB of GPU memory did not come back when the engine stopped"
        in measured.telemetry["reasons"]
    )


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/health", FailureKind.BAD_REPLY, ""),
        ("/nowhere", FailureKind.CRASH, "the engine runs, and is not well"),
    ],
)
def test_an_engine_that_runs_is_asked_whether_it_is_well(
    measure: Measure, path: str, kind: FailureKind, words: str
) -> None:
    """Only after a reply that broke off: a process can outlive the engine inside it."""
    found, _ = measure("close-mid-stream=1", health={"path": path})
    assert found.failure is not None
    assert found.failure.kind is kind
    assert words in found.failure.message
