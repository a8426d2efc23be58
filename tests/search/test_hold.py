"""The winner is filled before it is recommended: whole runs on a real process, and the way down."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from gguf_file import write_gguf
from manifest import write_manifest
from stopwatch import nominal_times

from autotune.errors import ExitCode
from autotune.export.from_study import winner_config
from autotune.export.provenance import provenance_lines
from autotune.scoring.held import Held
from autotune.scoring.interval import Comparison
from autotune.scoring.objective import Objective
from autotune.search.confirm import DEFAULT_ARM, Confirmed
from autotune.search.events import Event, HoldFinished, HoldStarted, Summary, TrialStarted
from autotune.search.hold import NOT_HELD, Holding, confirmed_and_held, searching_s
from autotune.search.ledger import COMPLETE, Entry, Ledger, arm_name
from autotune.search.request import RunRequest
from autotune.search.resume import resume_command
from autotune.search.session import run_study
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
MIB = 2**20


@pytest.fixture(scope="module", autouse=True)
def undisturbed() -> Iterator[None]:
    """Who wins is asked here, and not what others do to the machine."""
    with nominal_times():
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and four sessions of three turns."""
    path = tmp_path_factory.mktemp("hold")
    spec = SynthesisSpec(sessions=4, turns=3, start_depth=800, depth=1200, reply_tokens=16)
    write_capture(synthesize(spec), path / "wl.jsonl")
    write_gguf(path / "fake.gguf")
    return path


@dataclass(frozen=True)
class Run:
    """A run that ended, and what it said on the way."""

    request: RunRequest
    events: list[Event]
    summary: Summary

    @property
    def folder(self) -> StudyFolder:
        return StudyFolder(self.request.studies_dir / (self.request.study or ""))

    def again(self, **fields: Any) -> Run:
        return run(replace(self.request, **fields))


def request_in(place: Path, folder: Path, *faults: str, **fields: Any) -> RunRequest:
    """Two trials: the default, and a larger batch that reads a prompt four times as fast."""
    manifest = write_manifest(
        folder, *faults, prefill_us=3000.0, token_us=2000.0, search_space=str(SPACE)
    )
    base = RunRequest(
        workload=place / "wl.jsonl",
        engine=str(manifest),
        model=place / "fake.gguf",
        gpu="cpu",
        trials=2,
        confirm_blocks=1,
        max_output_tokens=3,
        study="s",
        studies_dir=folder / "studies",
        pins={"parallel": 1},
    )
    return replace(base, **fields)


def run(request: RunRequest, stop: threading.Event | None = None) -> Run:
    events: list[Event] = []
    return Run(request, events, run_study(request, events.append, stop=stop))


@pytest.fixture(scope="module")
def healthy(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(request_in(place, tmp_path_factory.mktemp("healthy")))


@pytest.fixture(scope="module")
def deepest(healthy: Run) -> int:
    """The deepest turn of the workload in the fake engine's tokens, mark included."""
    told = healthy.folder.read_holds()[0]["asked"]["deepest_tokens"]
    assert isinstance(told, int)
    return told


def test_a_winner_that_holds_is_recommended_with_how_deep(healthy: Run, deepest: int) -> None:
    summary = healthy.summary
    assert summary.exit_code == ExitCode.DONE, summary
    assert summary.held is not None
    held = Held.from_json(summary.held)
    assert held.holds
    assert held.wanted_tokens == pytest.approx(1.1 * deepest, abs=1)
    assert held.to_tokens == pytest.approx(held.wanted_tokens, rel=0.03)
    assert held.sessions == 4
    assert held.sentence.startswith(f"held to {held.to_tokens:,} tokens over 4 sessions, ")
    assert summary.seconds["hold"] > 0
    result = healthy.folder.read_result()
    assert result is not None
    assert result["hold"]["winner"] == json.loads(json.dumps(summary.held))
    assert result["hold"]["refused"] == {}
    lines = provenance_lines(winner_config(healthy.folder).provenance)
    assert f"filled: {held.sentence}" in lines


def test_holding_is_told_and_its_turns_are_on_disk(healthy: Run) -> None:
    (started,) = [e for e in healthy.events if isinstance(e, HoldStarted)]
    (finished,) = [e for e in healthy.events if isinstance(e, HoldFinished)]
    assert started.arm == finished.arm == f"trial-{healthy.summary.winner:04d}"
    assert started.sessions == 4
    assert finished.holds
    rows = [r for r in healthy.folder.read_turns() if r.arm.startswith("hold-")]
    assert {r.arm for r in rows} == {f"hold-0002-{started.arm}"}
    assert abs(len(rows) - started.turns) <= 2
    assert {r.block for r in rows} == {0, 1, 2, 3}
    assert all(r.machine and r.machine.host_free_min_bytes for r in rows)
    assert (healthy.folder.logs / f"hold-0002-{started.arm}.log").is_file()


def test_what_was_held_is_not_filled_again(healthy: Run) -> None:
    before = len(list(healthy.folder.read_turns()))
    again = healthy.again()
    assert again.summary.verdict == healthy.summary.verdict
    assert again.summary.held == healthy.summary.held
    assert len(list(healthy.folder.read_turns())) == before
    assert not any(isinstance(e, TrialStarted | HoldStarted) for e in again.events)


def measured_so_far(healthy: Run, folder: Path) -> RunRequest:
    """A copy of what the healthy study measured before it came to holding."""
    shutil.copytree(healthy.request.studies_dir, folder / "studies")
    for name in ("hold.json", "result.json"):
        (folder / "studies" / "s" / name).unlink()
    return replace(healthy.request, studies_dir=folder / "studies")


def test_without_holding_it_is_said(healthy: Run, tmp_path: Path) -> None:
    done = run(replace(measured_so_far(healthy, tmp_path), hold=False))
    assert done.summary.exit_code == ExitCode.DONE
    assert done.summary.held is None
    assert NOT_HELD in done.summary.notes
    assert not done.folder.read_holds()
    lines = provenance_lines(winner_config(done.folder).provenance)
    assert any(line.startswith("filled: not held to depth (--no-hold)") for line in lines)


def test_one_that_fails_past_the_deepest_turn_is_not_recommended(
    place: Path, tmp_path: Path, deepest: int
) -> None:
    # Every trial and the confirmation pass: only the headroom is deeper.
    done = run(request_in(place, tmp_path, f"fail-past={round(1.05 * deepest)}"))
    summary = done.summary
    assert summary.exit_code == ExitCode.NOTHING_BETTER
    assert (summary.winner, summary.held) == (None, None)
    (row,) = done.folder.read_holds()
    failed = Held.from_json(row["held"])
    assert failed.failure == "out-of-memory"
    assert deepest <= (failed.failed_at_tokens or 0) <= failed.wanted_tokens * 1.01
    assert failed.to_tokens <= 1.05 * deepest
    arm = arm_name(row["trial"])
    assert f"{arm} was faster but did not hold: failed at " in summary.verdict
    assert summary.verdict.endswith("tokens: out of memory.")
    assert any(note.startswith(f"{arm} was dropped: it did not hold") for note in summary.notes)
    result = done.folder.read_result()
    assert result is not None
    assert list(result["hold"]["refused"]) == [arm]
    again = done.again()
    assert again.summary.verdict == summary.verdict
    assert not any(isinstance(e, HoldStarted) for e in again.events)


def test_one_that_leaks_is_not_recommended(place: Path, tmp_path: Path) -> None:
    done = run(request_in(place, tmp_path, f"leak={4 * MIB}"))
    assert done.summary.exit_code == ExitCode.NOTHING_BETTER
    (row,) = done.folder.read_holds()
    leaking = Held.from_json(row["held"])
    assert leaking.leaks
    assert leaking.growth is not None
    assert leaking.growth.bytes_per_turn == pytest.approx(4 * MIB, rel=0.15)
    assert "did not hold: leaks 4 MiB a turn: full after about " in done.summary.verdict


def test_a_stop_while_it_is_filled_says_how_to_go_on(healthy: Run, tmp_path: Path) -> None:
    request, stop = measured_so_far(healthy, tmp_path), threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, HoldStarted):
            stop.set()

    summary = run_study(request, listen, stop=stop)
    assert summary.exit_code == ExitCode.STOPPED_EARLY
    assert summary.resume is not None
    folder = StudyFolder(request.studies_dir / "s")
    assert folder.read_result() is None
    assert not folder.read_holds()
    done = run(request)
    assert done.summary.held is not None
    assert not any(isinstance(e, TrialStarted) for e in done.events)


# --- the way down, without an engine ------------------------------------------------------------


def entry(number: int, value: float) -> Entry:
    settings = {"ubatch-size": 64 * (number + 1)}
    label = "default" if number == 0 else ""
    return Entry(
        number, f"key{number}", COMPLETE, value, label, settings, settings, {}, 1.0, None, None
    )


def ledger_of(*values: float) -> Ledger:
    ledger = Ledger()
    for number, value in enumerate(values):
        ledger.add(entry(number, value))
    return ledger


def comparison(ratio: float) -> Comparison:
    return Comparison(
        objective=Objective.TURN, ratio=ratio, low=ratio - 0.1, high=ratio + 0.1, pairs=8,
        sessions=2, unpaired=0, unit="turn", turn_s=None, ttft=None, decode=None, total_wait=None,
    )  # fmt: skip


HOLDS = Held(
    to_tokens=110, deepest_tokens=100, wanted_tokens=110, context_tokens=None, sessions=4, turns=9
)
FAILS = replace(HOLDS, sessions=1, failure="out-of-memory", message="no", failed_at_tokens=105)


def descend(
    ledger: Ledger, verdicts: Mapping[str, Held | None], known: Mapping[str, Held] = {},
    may_go_on: Callable[[], bool] = lambda: True,
) -> tuple[Confirmed, Holding, list[tuple[int, str]]]:  # fmt: skip
    """Every confirmation finds the best of what is ranked to be 1.5 times as fast."""
    asked: list[tuple[int, str]] = []

    def confirm(refused: int) -> Confirmed:
        best = ledger.ranked[0]
        asked.append((refused, arm_name(best.number)))
        ratios = {} if best.number == 0 else {arm_name(best.number): comparison(1.5)}
        return Confirmed({DEFAULT_ARM: ()}, {}, ratios, 1, 0.0)

    confirmed, holding = confirmed_and_held(
        ledger, confirm, lambda _, arm: verdicts[arm], refused=known, may_go_on=may_go_on
    )
    return confirmed, holding, asked


def test_the_first_that_holds_is_the_winner() -> None:
    ledger = ledger_of(10.0, 5.0, 6.0)
    confirmed, holding, asked = descend(ledger, {"trial-0001": FAILS, "trial-0002": HOLDS})
    assert asked == [(0, "trial-0001"), (1, "trial-0002")]
    assert holding.held == HOLDS
    assert dict(holding.refused) == {"trial-0001": FAILS}
    assert list(confirmed.comparisons) == ["trial-0002"]
    assert confirmed.failed == {
        "trial-0001": "it did not hold: failed at 105 tokens: out of memory"
    }
    assert [e.number for e in ledger.ranked] == [2, 0]


def test_when_none_holds_nothing_beats_the_default() -> None:
    ledger = ledger_of(10.0, 5.0, 6.0)
    confirmed, holding, asked = descend(ledger, {"trial-0001": FAILS, "trial-0002": FAILS})
    assert len(asked) == 2
    assert confirmed.comparisons == {}
    assert holding.held is None
    assert set(holding.refused) == {"trial-0001", "trial-0002"}


def test_without_time_the_next_is_not_confirmed() -> None:
    _, holding, asked = descend(
        ledger_of(10.0, 5.0, 6.0), {"trial-0001": FAILS}, may_go_on=lambda: False
    )
    assert len(asked) == 1
    assert holding.held is None


def test_what_did_not_hold_in_an_earlier_run_is_still_said() -> None:
    ledger = ledger_of(10.0, 5.0, 6.0)
    ledger.rule_out("key1")
    confirmed, holding, asked = descend(ledger, {"trial-0002": HOLDS}, {"trial-0001": FAILS})
    assert asked == [(1, "trial-0002")]
    assert set(holding.refused) == {"trial-0001"}
    assert "trial-0001" in confirmed.failed


def test_a_stop_ends_it_with_nothing_decided() -> None:
    _, holding, asked = descend(ledger_of(10.0, 5.0, 6.0), {"trial-0001": None})
    assert len(asked) == 1
    assert holding == Holding(None, {})


def test_where_nothing_wins_nothing_is_held() -> None:
    confirmed, holding, _ = descend(ledger_of(1.0, 5.0), {})
    assert confirmed.comparisons == {}
    assert holding == Holding(None, {})


def test_a_share_of_the_budget_is_kept_back() -> None:
    base = RunRequest(workload=Path("w"), budget_s=1000.0)
    assert searching_s(base) == pytest.approx(900.0)
    assert searching_s(replace(base, hold=False)) == 1000.0
    assert searching_s(RunRequest(workload=Path("w"), trials=3)) is None


def test_a_resumed_command_says_that_nothing_is_to_be_filled() -> None:
    request = RunRequest(workload=Path("w"), hold=False, headroom=0.25)
    words = resume_command(request, StudyFolder(Path("studies/s")))
    assert "--no-hold" in words
    assert "--headroom 0.25" in words
    plain = resume_command(RunRequest(workload=Path("w")), StudyFolder(Path("studies/s")))
    assert "hold" not in plain
    assert "headroom" not in plain
