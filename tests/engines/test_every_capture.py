"""Every real capture there is on a real engine: recorded and replayed depth side by side.

Each file goes the way of ``autotune run``: set up, surveyed whole, padded, laid out, measured once
under the engine's defaults. The engine is the reference one with a random model of a 131072-token
window. What is replayed is cut by depth, so that all files together take some minutes on two cores.
``-s`` shows the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.hardware.nvml import nvml_probe
from autotune.records import TurnRecord
from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.search.layout import lay_out
from autotune.search.request import RunRequest
from autotune.search.session import make_measurer
from autotune.search.setup import Setup, set_up
from autotune.search.space import to_settings
from autotune.search.surveying import surveyed
from autotune.trial.side_by_side import UNRECORDED, WITHIN, DepthRow
from autotune.trial.survey import Survey
from autotune.workload.detect import detect
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.padding import agent_of
from autotune.workload.token_scale import Scale

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures"
NO_CAPTURE = {
    "SOURCES.md": "is not a capture",
    "manifest-x86_64.json": "is the manifest of a folder of captures",
}
"""Files that are none, and what they are refused as."""
FORMATS = {
    "agentperf-local": "agentperf",
    "weka-kv-cache-tester": "weka",
}
"""Where a folder is not called as its format is."""

SHALLOW = 12_000
"""Turns this deep are replayed, some of each session, and one more of the file."""
DEEP = 24_000
"""The one more is the deepest within this; a file that begins deeper has its first turn."""
TURNS = 6
SESSIONS = 4
SLACK_TOKENS = 64
"""The nonce, and the system message that it may need."""


def files() -> list[Path]:
    return sorted(p for p in CAPTURES.rglob("*") if p.is_file() and p.name not in NO_CAPTURE)


def named(path: Path) -> str:
    return str(path.relative_to(CAPTURES))


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table; depths are of the deepest replayed turn, in tokens."""

    file: str
    format: str
    sessions: int
    turns: int
    recorded: int | None
    scale: float
    replayed: int
    worst: float | None
    reason: str

    def __str__(self) -> str:
        worst = "-" if self.worst is None else f"{self.worst:+.1%}"
        return (
            f"{self.file:58} {self.format:14} {self.sessions:3} {self.turns:3} "
            f"{self.recorded or '-':>7} {self.scale:5.3f} {self.replayed:>7} {worst:>6}  "
            f"{self.reason}"
        )


@pytest.fixture(scope="module")
def table() -> Iterator[list[Line]]:
    lines: list[Line] = []
    yield lines
    heads = ("file", "format", "ses", "tur", "rec.", "scale", "repl.", "worst", "reason")
    print("\n{:58} {:14} {:>3} {:>3} {:>7} {:>5} {:>7} {:>6}  {}".format(*heads))
    print(*lines, sep="\n")


@pytest.mark.parametrize("name", list(NO_CAPTURE))
def test_what_is_no_capture_is_refused_by_name(name: str) -> None:
    for path in CAPTURES.rglob(name):
        with pytest.raises(UserError, match=f"{name} {NO_CAPTURE[name]}") as told:
            load_workload(path)
        assert told.value.hint


@pytest.mark.parametrize("path", files(), ids=named)
def test_a_capture_is_replayed_as_deep_as_it_was_or_says_why(
    path: Path, deep_model: Path, tmp_path: Path, table: list[Line]
) -> None:
    reader = detect(CaptureFile(path, path.name))
    assert reader is not None
    assert reader.name == FORMATS.get(path.parent.name, path.parent.name)
    request = RunRequest(
        workload=path, gpu="cpu", engine="reference", model=deep_model, studies_dir=tmp_path,
        study="s", history="recorded", order="sequential", max_sessions=SESSIONS,
        max_output_tokens=4,
    )  # fmt: skip
    with nvml_probe() as probe:
        setup = set_up(request, probe)
        measurer = make_measurer(setup, tmp_path / "work", probe)
        survey = surveyed(setup, measurer)
        if unreachable(setup, survey):
            table.append(beyond(path, setup, survey))
            return
        layout = lay_out(deep_enough(setup, survey), survey)
        plan = shortened(layout.search_plan, survey)
        candidate = Candidate(to_settings(layout.space, layout.space.defaults))
        done = replace(measurer, rendering=survey.rendering).measure(
            candidate, plan, arm="trial", block=0, sink=lambda record: None
        )
    assert done.failure is None, done.failure
    assert len(done.records) == len(plan.turns) > 0
    line = compared(path, setup, survey, plan, done.records, layout.depth_rows)
    table.append(line)


def unreachable(setup: Setup, survey: Survey) -> bool:
    """Whether every session begins beyond the model's context."""
    return min(first_depths(setup, survey)) > setup.model.n_ctx_train


def first_depths(setup: Setup, survey: Survey) -> list[int]:
    return [survey.depths[s.session_id, s.turns[0].index] for s in setup.workload.sessions]


def beyond(path: Path, setup: Setup, survey: Survey) -> Line:
    """The line of a file that this model cannot hold at all, which the run says by itself."""
    with pytest.raises(UserError, match="no turn of the workload fits the model's context") as told:
        lay_out(setup, survey)
    turn = setup.workload.sessions[0].turns[0]
    return Line(
        named(path), setup.workload.formats[0], len(setup.workload.sessions), 0,
        turn.recorded.prompt_tokens, 1.0, survey.depths[turn.session_id, turn.index], None,
        str(told.value),
    )  # fmt: skip


def deep_enough(setup: Setup, survey: Survey) -> Setup:
    """`setup` cut at `DEEP`, or behind the first turn where all begin deeper."""
    first = min(first_depths(setup, survey))
    return replace(setup, request=replace(setup.request, max_depth=max(DEEP, first)))


def shortened(plan: ReplayPlan, survey: Survey) -> ReplayPlan:
    """Some shallow turns of each session, from first to last, and the deepest one of all."""

    def depth(planned: PlannedTurn) -> int:
        return survey.depths[planned.turn.session_id, planned.turn.index]

    chosen = {max(plan.turns, key=depth).order}
    for name in plan.session_ids:
        turns = [p for p in plan.turns if p.turn.session_id == name and depth(p) <= SHALLOW]
        step = -(-len(turns) // TURNS) or 1
        chosen |= {p.order for p in turns[::step]}
    return replace(plan, turns=tuple(p for p in plan.turns if p.order in chosen))


def compared(
    path: Path,
    setup: Setup,
    survey: Survey,
    plan: ReplayPlan,
    records: tuple[TurnRecord, ...],
    rows: tuple[DepthRow, ...],
) -> Line:
    """Every record against what was recorded; the row of the table."""
    reasons = {row.session_id: row.reason for row in rows}
    agents = {s.session_id: agent_of(s) for s in setup.workload.sessions}
    shares: list[float] = []
    told: set[str] = set()
    for record, planned in zip(sorted(records, key=lambda r: r.order), plan.turns, strict=True):
        turn, depth = planned.turn, record.depth_tokens or 0
        counted = survey.depths[turn.session_id, turn.index]
        assert depth == pytest.approx(counted, rel=0.005, abs=SLACK_TOKENS)
        scale = survey.scales.get(agents[turn.session_id], Scale())
        wanted = scale.tokens(turn.recorded.prompt_tokens)
        if wanted is None:
            told.add(reasons[turn.session_id] or UNRECORDED)
            continue
        shares.append((counted - wanted) / wanted)
        if abs(depth - wanted) > WITHIN * wanted + SLACK_TOKENS:
            reason = reasons[turn.session_id]
            assert reason, (turn.session_id, turn.index, depth, wanted)
            told.add(reason)
    at = max(range(len(records)), key=lambda i: records[i].depth_tokens or 0)
    deepest = plan.turns[at].turn
    scale = survey.scales.get(agents[deepest.session_id], Scale())
    return Line(
        named(path), setup.workload.formats[0], len(plan.session_ids), len(records),
        deepest.recorded.prompt_tokens, scale.value, records[at].depth_tokens or 0,
        max(shares, key=abs, default=None), "; ".join(sorted(told)),
    )  # fmt: skip
