"""Steps from the best: which there are, which comes first, which are never taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.ledger import COMPLETE, Entry, Ledger
from autotune.search.space import Parameter, Space, to_settings
from autotune.search.steps import next_step, steps_from

BATCH = Parameter("batch-size", (128, 256, 512, 1024), 512, "batch size", ordered=True)
DRAFTS = Parameter("spec-type", ("none", "simple", "mod"), "none", "speculation")
LENGTH = Parameter(
    "spec-m", (8, 16, 48), 48, "speculation", ordered=True, requires={"spec-type": ("simple",)}
)
FLASH = Parameter("flash-attn", ("auto", "off"), "auto", "flash attention")
SPACE = Space("e", (BATCH, DRAFTS, LENGTH, FLASH))
BEST: dict[str, Setting] = {
    "batch-size": 512, "spec-type": "simple", "spec-m": 16, "flash-attn": "auto",
}  # fmt: skip


def feasibility(space: Space = SPACE) -> Feasibility:
    return Feasibility(space, None, Limits(None, None), gpu=False)


def entry(number: int, values: dict[str, Setting], value: float, label: str = "") -> Entry:
    settings = to_settings(SPACE, values)
    key = Candidate(settings).key
    return Entry(
        number, key, COMPLETE, value, label, settings, {}, {}, 1.0, None, None, values
    )  # fmt: skip


def ledger(*entries: Entry) -> Ledger:
    made = Ledger()
    for one in entries:
        made.add(one)
    return made


def test_an_ordered_flag_goes_to_its_neighbours_and_a_word_to_every_other() -> None:
    names = [step.name for step in steps_from(SPACE, BEST)]
    assert names == [
        "batch-size 256", "batch-size 1024", "spec-type none", "spec-type mod",
        "spec-m 8", "spec-m 48", "flash-attn off",
    ]  # fmt: skip


def test_a_step_changes_one_flag_and_what_hangs_on_it() -> None:
    steps = {step.name: dict(step.values) for step in steps_from(SPACE, BEST)}
    assert steps["batch-size 256"] == {**BEST, "batch-size": 256}
    off = {name: value for name, value in BEST.items() if name != "spec-m"}
    assert steps["spec-type none"] == {**off, "spec-type": "none"}


def test_a_value_outside_the_choices_may_go_to_any_of_them() -> None:
    names = [s.name for s in steps_from(SPACE, {**BEST, "batch-size": 300})]
    assert names[:4] == [f"batch-size {n}" for n in (128, 256, 512, 1024)]


def walk(seed: int, losses: int) -> list[str]:
    """Names of the steps from a best that nothing beats."""
    best = entry(0, BEST, 1.0)
    known = [best]
    for number in range(1, losses + 1):
        step = next_step(SPACE, feasibility(), ledger(*known), best, seed)
        if step is None:
            break
        known.append(entry(number, dict(step.values), 2.0, f"step: {step.name}"))
    return [e.label.removeprefix("step: ") for e in known[1:]]


@given(st.integers(0, 1000))
def test_what_helped_is_refined_first_then_the_rest_and_each_once(seed: int) -> None:
    names = walk(seed, 20)
    assert set(names[:4]) == {"spec-type none", "spec-type mod", "spec-m 8", "spec-m 48"}
    assert set(names[4:]) == {"batch-size 256", "batch-size 1024", "flash-attn off"}
    assert len(names) == 7


def test_the_seed_decides_the_order() -> None:
    assert walk(3, 7) == walk(3, 7)
    assert len({tuple(walk(seed, 7)) for seed in range(10)}) > 1


def test_a_step_that_was_taken_from_elsewhere_waits_for_those_that_were_not() -> None:
    first = entry(0, {**BEST, "spec-m": 48}, 2.0)
    taken = entry(1, {**first.values, "flash-attn": "off"}, 2.5, "step: flash-attn off")
    best = entry(2, BEST, 1.0, "step: spec-m 16")
    known = [first, taken, best]
    names = []
    while (step := next_step(SPACE, feasibility(), ledger(*known), best, 0)) is not None:
        names.append(step.name)
        known.append(entry(len(known), dict(step.values), 2.0, f"step: {step.name}"))
    assert names[-1] == "flash-attn off"


def test_what_is_known_or_refused_is_not_stepped_to() -> None:
    best = entry(0, BEST, 1.0)
    known = entry(1, {**BEST, "spec-m": 8}, 3.0)
    guard = feasibility()
    guard.learn(
        Candidate(to_settings(SPACE, {**BEST, "batch-size": 1024})),
        Failure(FailureKind.OUT_OF_MEMORY, "no room"),
    )
    seen = [best, known]
    names = []
    while (step := next_step(SPACE, guard, ledger(*seen), best, 0)) is not None:
        names.append(step.name)
        seen.append(entry(len(seen), dict(step.values), 2.0))
    assert "spec-m 8" not in names
    assert "batch-size 1024" not in names
    assert "batch-size 256" in names
