from __future__ import annotations

from random import Random

import pytest

from autotune.workload.depth import tools_chars
from autotune.workload.synthesis.prompts import system_prompt, task, tools


@pytest.mark.parametrize("chars", [2_500, 10_000, 40_000])
def test_tools_have_the_size_asked_for(chars: int) -> None:
    made = tools(Random(1), chars)
    assert chars - 1_000 < tools_chars(made) <= chars
    names = [tool["function"]["name"] for tool in made]
    assert len(set(names)) == len(names) == 7


def test_tools_are_never_less_than_complete() -> None:
    made = tools(Random(1), 10)
    assert all(tool["function"]["parameters"]["properties"] for tool in made)


@pytest.mark.parametrize("chars", [400, 2_000, 20_000])
def test_prompts_have_the_size_asked_for(chars: int) -> None:
    for text in (system_prompt(Random(1), chars), task(Random(1), chars)):
        assert chars - 250 < len(text) <= chars


def test_a_task_is_never_empty() -> None:
    assert task(Random(1), 0).startswith("Please fix the ")
