"""llama-server's slots: who keeps what."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autotune.replay.plan import ReplayPlan
from autotune.simulated.prompts import PlanShape, plan_shape
from autotune.simulated.slots import Slots, SlotSettings, Taken
from autotune.workload.model import Turn

from .conftest import agent, plan_of, said

ONE = SlotSettings(
    slots=1, unified=False, pool_tokens=10_000, slot_tokens=10_000, host_bytes=0, saves_idle=True,
    similarity=0.1, rolls_back=True, checkpoints=0, checkpoint_step=0, token_bytes=10.0,
    state_bytes=0.0,
)  # fmt: skip


def served(shape: PlanShape, settings: SlotSettings) -> list[Taken]:
    slots = Slots(shape, settings)
    return [slots.take(prompt) for prompt in shape.prompts]


def cached(shape: PlanShape, settings: SlotSettings) -> list[int]:
    return [taken.cached for taken in served(shape, settings)]


def test_two_agents_on_one_slot_evict_each_other(two_agents: ReplayPlan) -> None:
    assert cached(plan_shape(two_agents), ONE) == [0] * 6


def test_with_a_slot_each_they_do_not(two_agents: ReplayPlan) -> None:
    two = replace(ONE, slots=2)
    assert cached(plan_shape(two_agents), two) == [0, 0, 120, 120, 190, 190]


def test_host_memory_gives_back_what_was_evicted_and_moving_it_is_counted(
    two_agents: ReplayPlan,
) -> None:
    found = served(plan_shape(two_agents), replace(ONE, host_bytes=None))
    assert [taken.cached for taken in found] == [0, 0, 120, 120, 190, 190]
    # The third prompt saves b's 120 tokens and loads a's 120, ten bytes each.
    assert found[2].moved_bytes == 2400
    assert found[2].host_bytes == 1200


def test_host_memory_that_is_too_small_holds_nothing(two_agents: ReplayPlan) -> None:
    assert cached(plan_shape(two_agents), replace(ONE, host_bytes=1000)) == [0] * 6


def test_one_pool_that_is_too_full_clears_idle_slots(two_agents: ReplayPlan) -> None:
    shared = replace(ONE, slots=2, unified=True, saves_idle=False, pool_tokens=400)
    # Both fit until 190 + 260 tokens are more than the pool.
    assert cached(plan_shape(two_agents), shared) == [0, 0, 120, 120, 190, 0]


def test_a_model_that_cannot_roll_back_goes_on_from_its_end_or_starts_anew() -> None:
    turns = agent("a", 2)
    edited = (said("user", 100, "a"), said("assistant", 20, "other"), said("tool", 50, "x"))
    shape = plan_shape(plan_of([*turns, Turn("a", 2, edited, output_tokens=20)]))
    rigid = replace(ONE, rolls_back=False)
    assert cached(shape, rigid) == [0, 120, 0]
    assert cached(shape, ONE) == [0, 120, 100]


def test_a_checkpoint_is_a_place_to_go_back_to() -> None:
    turns = agent("a", 2)
    edited = (said("user", 100, "a"), said("assistant", 20, "other"), said("tool", 50, "x"))
    shape = plan_shape(plan_of([*turns, Turn("a", 2, edited, output_tokens=20)]))
    kept = replace(ONE, rolls_back=False, checkpoints=8, checkpoint_step=8192)
    # The first prompt's end, less four tokens.
    assert cached(shape, kept) == [0, 120, 96]
    assert cached(shape, replace(kept, checkpoints=1)) == [0, 120, 0]


def test_shifting_reuses_what_follows_an_edit() -> None:
    first = agent("a", 3)[2]
    edited = (first.messages[0], said("user", 30, "new"), *first.messages[2:])
    shape = plan_shape(plan_of([first, Turn("a", 3, edited, output_tokens=20)]))
    assert cached(shape, ONE) == [0, 100]
    # 240 tokens were: user 100, reply 20, result 50, reply 20, result 50; the rest came back.
    assert cached(shape, replace(ONE, chunk=16)) == [0, 220]
    assert cached(shape, replace(ONE, chunk=40)) == [0, 200]


@given(slots=st.integers(1, 4), host=st.sampled_from([0, 1500, None]), unified=st.booleans())
def test_nothing_is_reused_that_was_never_sent(slots: int, host: int | None, unified: bool) -> None:
    turns = [t for pair in zip(agent("a", 3), agent("b", 3), strict=True) for t in pair]
    shape = plan_shape(plan_of(turns))
    found = cached(shape, replace(ONE, slots=slots, host_bytes=host, unified=unified))
    for at, tokens in enumerate(found):
        most = max((shape.shared(i, at) for i in range(at)), default=0)
        assert 0 <= tokens <= min(most, shape.prompts[at].tokens - 1)
