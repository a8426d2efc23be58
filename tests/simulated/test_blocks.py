"""vLLM's blocks: whole ones, and the ones used longest ago go first."""

from __future__ import annotations

from autotune.replay.plan import ReplayPlan
from autotune.simulated.blocks import Blocks, BlockSettings, Found
from autotune.simulated.prompts import plan_shape


def found(plan: ReplayPlan, settings: BlockSettings) -> list[Found]:
    shape = plan_shape(plan)
    blocks = Blocks(shape, settings)
    return [blocks.take(prompt) for prompt in shape.prompts]


def test_only_whole_blocks_are_reused(two_agents: ReplayPlan) -> None:
    large = BlockSettings(block=32, pool_tokens=10_000)
    assert [f.cached for f in found(two_agents, large)] == [0, 0, 96, 96, 160, 160]
    small = BlockSettings(block=16, pool_tokens=10_000)
    assert [f.cached for f in found(two_agents, small)] == [0, 0, 112, 112, 176, 176]


def test_a_pool_for_one_session_loses_the_other_from_its_end(two_agents: ReplayPlan) -> None:
    one = BlockSettings(block=10, pool_tokens=200)
    # After a and b hold 120 each, a has 80 of its own left.
    assert [f.cached for f in found(two_agents, one)][2] == 80


def test_a_second_tier_gives_back_what_was_dropped(two_agents: ReplayPlan) -> None:
    tiers = BlockSettings(block=10, pool_tokens=200, host_tokens=1000)
    third = found(two_agents, tiers)[2]
    assert (third.cached, third.loaded) == (120, 40)


def test_without_a_prefix_cache_nothing_is_found(two_agents: ReplayPlan) -> None:
    off = BlockSettings(block=16, pool_tokens=10_000, enabled=False)
    assert {f.cached for f in found(two_agents, off)} == {0}
