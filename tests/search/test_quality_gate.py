"""The guard: asked once for each set of settings, kept on disk, and nothing wins past it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from calling_sessions import sessions
from formula import FormulaMeasurer, plan_of

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError, UserError
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.replay.endpoint import Rendering
from autotune.scoring.divergence import TopK
from autotune.scoring.quality import Standing, Threshold
from autotune.search import quality_gate
from autotune.search.quality_gate import GuardedMeasurer, GuardPlan, QualityGate, behind
from autotune.search.quality_store import (
    quality_of,
    quality_settings,
    quality_summary,
    settings_key,
    stored_findings,
)
from autotune.search.space import Parameter, Space, to_settings
from autotune.study.quality_log import quality_path, read_quality
from autotune.trial.next_token import Tokens, Tools
from autotune.trial.quality_walks import plan_walks
from autotune.workload.model import Message

SPACE = Space(
    "fake",
    (
        Parameter("kv", ("f16", "q8", "q4", "gone"), "f16", "quantization", quality=True),
        Parameter("ctx-size", (512, 4096), 4096, "context length", ordered=True),
        Parameter("parallel", (1, 4), 4, "cache slots", ordered=True),
        Parameter("batch-size", (128, 512), 512, "batch size", ordered=True),
        Parameter("threads", (2, 4), 2, "threads"),
        Parameter("spec-type", ("none", "ngram"), "none", "speculation"),
    ),
)
SHARE = {"f16": 0.9, "q8": 0.89, "q4": 0.2}
"""What is left of the likeliest token's probability."""


class Engine:
    """Cuts into words; its distribution is by the settings that it was launched with."""

    def __init__(self, kv: str) -> None:
        self.kv = kv

    def tokens(self, messages: Sequence[Message], tools: Tools) -> Tokens | None:
        text = "".join(f"<{m['role']}>{m['content']}" for m in messages)
        pieces = [piece.encode() for piece in re.findall(r"\w+|\s+|.", text)]
        return Tokens(tuple(range(len(pieces))), tuple(pieces))

    def after(self, ids: Sequence[int]) -> TopK | None:
        share = SHARE[self.kv]
        return {"a": math.log(share), "b": math.log(0.95 - share)}

    def first(self, messages: Sequence[Message], tools: Tools) -> TopK | None:
        return self.after(())

    def written(self, ids: Sequence[int], tokens: int) -> str | None:
        return None


class Bench:
    """A gate on made-up engines; `launched` are the candidates that served, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.launched: list[tuple[str, dict[str, Setting]]] = []
        self.fails: Callable[[Candidate], bool] = lambda _: False

    @contextmanager
    def serve(self, candidate: Candidate, name: str) -> Iterator[Any]:
        self.launched.append((name, dict(candidate.settings)))
        if self.fails(candidate):
            raise TrialError(Failure(FailureKind.OUT_OF_MEMORY, "too large"))
        yield SimpleNamespace(base_url=candidate.settings["kv"])

    def gate(self, **more: Any) -> QualityGate:
        turns = sessions(3)
        depths = {(t.session_id, t.index): 100 * (t.index + 1) for t in turns}
        fields: dict[str, Any] = {
            "walks": plan_walks(turns, depths, Rendering.PLAIN, seed=0), "threshold": Threshold(),
            "identity": {"engine_sha256": "e"}, "model_name": "m", "seed": 0, "positions": 120,
        }  # fmt: skip
        return QualityGate(GuardPlan(**{**fields, **more}), SPACE, self.serve, self.folder)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(quality_gate, "find_way", lambda url, model: "llama.cpp")
    monkeypatch.setattr(quality_gate, "make_asker", lambda way, url, model: Engine(url))
    return Bench(tmp_path)


def candidate(**values: Setting) -> Candidate:
    return Candidate(to_settings(SPACE, {**SPACE.defaults, **values}))


def test_only_settings_that_change_words_are_guarded() -> None:
    assert quality_settings(SPACE, candidate(threads=4).settings) == {}
    assert quality_settings(SPACE, candidate(threads=4, kv="q8").settings) == {"kv": "q8"}


def test_each_set_is_asked_once_with_one_slot_and_the_least_context(bench: Bench) -> None:
    gate = bench.gate()
    assert gate.open() is None
    assert gate.positions == 120
    assert gate.check(candidate(threads=4)) is None
    for threads in (2, 4):
        found = gate.check(candidate(kv="q8", threads=threads))
        assert found is not None
        assert found.verdict.accepted
        assert found.reason is None
    names = [name for name, _ in bench.launched]
    assert names == ["quality-reference", f"quality-{settings_key({'kv': 'q8'})}"]
    assert bench.launched[0][1] == {
        "kv": "f16", "ctx-size": 512, "parallel": 1, "batch-size": 512, "threads": 2,
        "spec-type": "none",
    }  # fmt: skip
    assert bench.launched[1][1] == {**bench.launched[0][1], "kv": "q8"}


def test_what_is_too_far_away_is_refused_by_how_much(bench: Bench) -> None:
    gate = bench.gate()
    gate.open()
    found = gate.check(candidate(kv="q4"))
    assert found is not None
    assert found.verdict.standing is Standing.FAILS
    assert found.figures is not None
    # 0.9 ln(0.9/0.2) + 0.05 ln(0.05/0.75) + 0.05 ln(0.05/0.05)
    kl = 0.9 * math.log(4.5) - 0.05 * math.log(15)
    assert found.figures.kl_p99.value == pytest.approx(kl)
    assert found.reason == "p99 KL 1.2 (1.2 to 1.2) above 0.1; top-1 0.0% (0.0% to 0.0%) below 92%"


def test_a_study_that_goes_on_asks_nothing_again(bench: Bench) -> None:
    first = bench.gate()
    first.open()
    first.check(candidate(kv="q4"))
    bench.launched.clear()
    second = bench.gate()
    assert second.open() is None
    assert second.check(candidate(kv="q4")) == first.check(candidate(kv="q4"))
    assert bench.launched == []
    assert second.spent_s == 0.0


def test_a_study_is_not_continued_under_another_threshold(bench: Bench) -> None:
    bench.gate().open()
    with pytest.raises(UserError, match="threshold differ"):
        bench.gate(threshold=Threshold(max_kl_p99=1.0)).open()
    with pytest.raises(UserError, match="engine_sha256 differ"):
        bench.gate(identity={"engine_sha256": "other"}).open()


def test_an_engine_without_probabilities_cannot_be_guarded_and_is_asked_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality_gate, "find_way", lambda url, model: None)
    assert bench.gate().open() == "the engine gives no probabilities of tokens"
    assert bench.gate().open() == "the engine gives no probabilities of tokens"
    assert len(bench.launched) == 1


def test_too_few_positions_cannot_guard(bench: Bench) -> None:
    why = bench.gate(positions=60).open()
    assert why == "only 60 positions of the captures could be asked, 100 are needed"


def test_a_reference_that_does_not_start_ends_the_run(bench: Bench) -> None:
    bench.fails = lambda _: True
    with pytest.raises(MachineError, match="reference settings: out-of-memory: too large"):
        bench.gate().open()
    assert read_quality(quality_path(bench.folder)) == []


def test_settings_that_do_not_start_alone_are_tried_with_the_whole_candidate(bench: Bench) -> None:
    gate = bench.gate()
    gate.open()
    bench.fails = lambda c: c.settings["kv"] == "q8" and c.settings["threads"] == 2
    found = gate.check(candidate(kv="q8", threads=4))
    assert found is not None
    assert found.verdict.accepted
    bench.fails = lambda c: c.settings["kv"] == "q4"
    lost = gate.check(candidate(kv="q4"))
    assert lost is not None
    assert lost.failure == ("out-of-memory", "too large")
    assert lost.reason == "cannot tell: too large"


def measure(bench: Bench, gate: QualityGate, settings: Candidate) -> Any:
    measurer = GuardedMeasurer(FormulaMeasurer(), gate)
    return measurer.measure(settings, plan_of(), arm="trial-0001", block=0, sink=lambda _: None)


def test_what_the_gate_refuses_is_never_replayed(bench: Bench) -> None:
    gate = bench.gate()
    gate.open()
    refused = measure(bench, gate, candidate(kv="q4"))
    assert refused.failure.kind is FailureKind.QUALITY
    assert refused.failure.message.startswith("p99 KL 1.2")
    assert refused.records == ()
    assert refused.seconds.quality_s == refused.seconds.total_s == gate.spent_s
    passed = measure(bench, gate, candidate(kv="q8"))
    assert passed.failure is None
    assert len(passed.records) == 4
    again = measure(bench, gate, candidate(kv="q8", threads=4))
    assert again.seconds.quality_s == 0.0


def test_settings_that_ran_out_of_memory_fail_of_that(bench: Bench) -> None:
    gate = bench.gate()
    gate.open()
    bench.fails = lambda _: True
    assert measure(bench, gate, candidate(kv="q8")).failure.kind is FailureKind.OUT_OF_MEMORY


def test_without_a_gate_the_measurer_is_itself(bench: Bench) -> None:
    measurer = FormulaMeasurer()
    assert behind(None, measurer) is measurer
    assert isinstance(behind(bench.gate(), measurer), GuardedMeasurer)


def test_the_end_of_a_run_names_the_winners_figures_and_what_was_refused(bench: Bench) -> None:
    assert quality_summary(bench.folder, SPACE, None) is None
    gate = bench.gate()
    gate.open()
    for kv, threads in itertools.product(("q8", "q4"), (2, 4)):
        gate.check(candidate(kv=kv, threads=threads))
    told = quality_summary(bench.folder, SPACE, candidate(kv="q8").settings)
    assert told is not None
    assert told["winner"]["settings"] == {"kv": "q8"}
    assert told["winner"]["standing"] == "passes"
    assert [row["settings"] for row in told["refused"]] == [{"kv": "q4"}]
    assert told["accepted"] == 1
    assert quality_of(bench.folder, SPACE, candidate(threads=4).settings) is None
    assert set(stored_findings(bench.folder)) == {settings_key({"kv": k}) for k in ("q8", "q4")}
