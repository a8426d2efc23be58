"""What is known is not measured again, by this run or by the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from formula import SPACE, Bench, FormulaMeasurer

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.replay.plan import ReplayPlan
from autotune.search.events import TrialFinished
from autotune.search.ledger import COMPLETE, DUPLICATE, REFUSED
from autotune.search.space import Parameter, Space
from autotune.search.twins import Twins
from autotune.trial.measurement import Enough, Measurement, RecordSink, Seen, never, never_seen

WORDS = Space(
    "fake",
    (
        *SPACE.parameters[:2],
        Parameter("spec-type", ("none",), "none", "speculation"),
        Parameter("flash-attn", ("auto", "on", "off"), "auto", "flash attention"),
    ),
)


def as_run(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """This engine turns flash attention on, unless it is told not to."""
    on = "off" if settings.get("flash-attn") == "off" else "on"
    return {"batch-size": settings["batch-size"], "flash-attn": on}


@dataclass
class ReadBack:
    """Says what it runs with, and stops at that where it is told to."""

    inner: FormulaMeasurer = field(default_factory=FormulaMeasurer)
    seen: Seen = never_seen

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: RecordSink,
        enough: Enough = never,
    ) -> Measurement:
        effective = as_run(candidate.settings)
        if self.seen(candidate, arm, effective):
            return Measurement(candidate, arm, block, (), None, whole=False, effective=effective)
        found = self.inner.measure(candidate, plan, arm=arm, block=block, sink=sink, enough=enough)
        return replace(found, effective=effective)


class Unforeseen(Twins):
    """Knows nothing before a launch."""

    def before(self, asked: Mapping[str, Setting]) -> str | None:
        return None


def runs(measurer: ReadBack) -> list[tuple[tuple[str, Any], ...]]:
    """What was really measured, looks at the best apart."""
    keys = ("batch-size", "threads")
    rows = [{**as_run(s), **{k: s[k] for k in keys}} for s in measurer.inner.measured]
    return [tuple(sorted(row.items())) for row in rows]


def test_configs_that_the_engine_runs_alike_are_measured_once(bench: Bench) -> None:
    measurer = ReadBack()
    ledger = bench.run(measurer, 10, space=WORDS, policy="steps")
    again = sum(e.label.startswith("again: ") for e in ledger.measured)
    assert len(runs(measurer)) - len(set(runs(measurer))) == again
    twins = [e for e in ledger.entries if (e.reason or "").startswith("the engine runs it as")]
    assert twins
    for twin in twins:
        number = int((twin.reason or "").rpartition(" ")[2])
        known = next(e for e in ledger.entries if e.number == number)
        assert twin.outcome == DUPLICATE
        assert twin.key != known.key
        assert as_run(twin.settings) == as_run(known.settings)


def test_a_run_that_goes_on_knows_them_too(bench: Bench) -> None:
    first, second = ReadBack(), ReadBack()
    bench.run(first, 5, space=WORDS, policy="steps")
    ledger = bench.run(second, 10, space=WORDS, policy="steps")
    both = [*runs(first), *runs(second)]
    again = sum(e.label.startswith("again: ") for e in ledger.measured)
    assert len(both) - len(set(both)) == again


def test_a_launch_that_turns_out_to_be_known_ends_there(bench: Bench) -> None:
    """What an engine gets may not be what it was asked for: only the launch tells."""
    twins = Unforeseen()
    measurer = ReadBack(seen=twins.is_seen)
    ledger = bench.run(measurer, 9, space=WORDS, twins=twins, policy="steps")
    found = [e for e in ledger.entries if (e.reason or "").startswith("the engine runs it as")]
    assert found
    told = {e.number: e for e in bench.events if isinstance(e, TrialFinished)}
    for twin in found:
        number = int((twin.reason or "").rpartition(" ")[2])
        known = next(e for e in ledger.entries if e.number == number)
        assert twin.value == known.value
        assert told[twin.number].reason == twin.reason
    again = sum(e.label.startswith("again: ") for e in ledger.measured)
    assert len(runs(measurer)) - len(set(runs(measurer))) == again


def no_large_batch(settings: Mapping[str, Setting]) -> Failure | None:
    if float(settings["batch-size"]) > 256:
        return Failure(FailureKind.OUT_OF_MEMORY, "no room", "std::bad_alloc", {"batch-size": 256})
    return None


def test_what_ran_out_of_memory_is_known_to_the_next_run(bench: Bench) -> None:
    """Batches of 512 do not fit, so the default does not; 1024 is then never launched."""
    bench.run(FormulaMeasurer(fails=no_large_batch), 2, policy="steps")
    measurer = FormulaMeasurer(fails=no_large_batch)
    ledger = bench.run(measurer, 9, policy="steps")
    failed = [e for e in ledger.entries if e.failure == "out-of-memory" and e.outcome != REFUSED]
    assert all(e.failure_facts["bound"] == {"batch-size": 256} for e in failed)
    assert all(e.failure_facts["evidence"] == "std::bad_alloc" for e in failed)
    refused = [e for e in ledger.entries if e.outcome == REFUSED]
    assert all("asks for no less memory than trial" in (e.reason or "") for e in refused)
    assert not any(s["batch-size"] == 1024 for s in measurer.measured)
    assert any(e.outcome == COMPLETE for e in ledger.entries)
