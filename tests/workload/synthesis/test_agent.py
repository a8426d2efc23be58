from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.depth import message_chars
from autotune.workload.synthesis.agent import Agent
from autotune.workload.synthesis.project import Project


def agent(seed: int = 1) -> Agent:
    return Agent(Random(seed), Project(1))


def size(messages: list[Any]) -> int:
    return sum(map(message_chars, messages))


@given(st.integers(0, 999), st.integers(16, 300), st.integers(64, 20_000))
def test_a_step_is_as_large_as_asked(seed: int, reply_tokens: int, room: int) -> None:
    growth = reply_tokens * 4 + room
    reply, results = agent(seed).step(reply_tokens, growth)
    assert reply["role"] == "assistant"
    assert {message["role"] for message in results} == {"tool"}
    least = message_chars(reply)
    assert size([reply, *results]) <= max(growth, least)
    assert growth - size([reply, *results]) < 400


def test_delegating_names_every_task() -> None:
    reply, reports = agent().delegate(["first task", "second task"], 60, 2_000)
    prompts = [json.loads(c["function"]["arguments"])["prompt"] for c in reply["tool_calls"]]
    assert prompts == ["first task", "second task"]
    assert len(reports) == 2
    assert 1_500 < size([reply, *reports]) <= 2_000


def test_a_question_follows_an_answer() -> None:
    reply, (question,) = agent().ask(30, 600)
    assert "tool_calls" not in reply
    assert question["role"] == "user"
    assert size([reply, question]) <= 600


def test_the_last_word() -> None:
    assert 200 < len(agent().last(100)["content"]) <= 400


def test_work_goes_from_reading_to_editing_to_testing() -> None:
    worker = agent(4)
    used = [worker.step(60, 800)[0]["tool_calls"][0]["function"]["name"] for _ in range(60)]
    assert {"read_files", "edit_file", "run_tests", "search"} <= set(used)
    after_edit = {b for a, b in pairwise(used) if a == "edit_file"}
    assert after_edit <= {"run_tests", "read_files", "show_diff"}
