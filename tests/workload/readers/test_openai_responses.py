"""Logs of Responses requests, chained and whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Damage, PromptFidelity, Session
from autotune.workload.readers.openai_responses import OpenAIResponsesReader
from autotune.workload.writer import write_capture


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(OpenAIResponsesReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Any]:
    """``written(lines)``: what is read of a log with these lines."""

    def make(lines: list[dict[str, Any]]) -> Any:
        path = tmp_path / "log.jsonl"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return read(path)

    return make


def test_a_chain_is_put_together_from_the_file(fixtures: Path) -> None:
    (session,), damage = read(fixtures / "responses-small.jsonl")
    assert [len(turn.messages) for turn in session.turns] == [2, 4, 6]
    assert [turn.keep for turn in session.turns] == [0, 2, 4]
    roles = [message["role"] for message in session.turns[2].messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert [turn.fidelity.prompt for turn in session.turns] == [PromptFidelity.EXACT] * 3
    assert [(d.kind, d.first_line) for d in damage] == [("orphan-delta", 3)]


def test_counts_times_tools_and_parameters(fixtures: Path) -> None:
    (session,), _ = read(fixtures / "responses-small.jsonl")
    recorded = [turn.recorded for turn in session.turns]
    assert [r.prompt_tokens for r in recorded] == [100, 130, 150]
    assert [r.cached_tokens for r in recorded] == [0, 96, 0]
    assert [r.latency_ms for r in recorded] == [900.0, 500.0, 400.0]
    assert [turn.delay_ms for turn in session.turns] == [None, 1100.0, 7500.0]
    first = session.turns[0]
    assert first.tools[0]["function"]["name"] == "sh"
    assert dict(first.params) == {"max_tokens": 256}
    assert first.recorded.model == "m-2026"
    assert first.response == session.turns[1].messages[2]


def test_instructions_do_not_go_on_to_the_next_request(written: Any) -> None:
    ((one, other), damage) = written(
        [
            {
                "request": {"model": "m", "instructions": "A", "input": "x"},
                "response": {"id": "r1"},
            },
            {"request": {"model": "m", "previous_response_id": "r1", "input": "y"}},
        ]
    )
    assert damage == ()
    assert [m["content"] for m in one.turns[0].messages] == ["A", "x"]
    assert [m["content"] for m in other.turns[0].messages] == ["x", "y"]


def test_a_conversation_that_the_server_keeps_goes_on(written: Any) -> None:
    reply = {"id": "r1", "output": [{"type": "message", "role": "assistant", "content": "b"}]}
    body = {"model": "m", "conversation": {"id": "c"}}
    ((session,), _) = written(
        [{"body": {**body, "input": "a"}, "response": reply}, {"body": {**body, "input": "c"}}]
    )
    assert [m["content"] for m in session.turns[1].messages] == ["a", "b", "c"]


def test_bare_bodies_are_whole_prompts(written: Any) -> None:
    items = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    more = [*items, {"role": "user", "content": [{"type": "input_text", "text": "c"}]}]
    ((session,), damage) = written(
        [{"model": "m", "input": items[:1]}, {"model": "m", "input": more}]
    )
    assert damage == ()
    assert [len(turn.messages) for turn in session.turns] == [1, 3]
    assert [turn.keep for turn in session.turns] == [0, 1]


def test_a_line_that_is_no_request_is_damage(written: Any) -> None:
    (found, damage) = written([{"request": {"model": "m", "input": []}}, {"x": 1}])
    assert found == []
    assert [(d.kind, d.count) for d in damage] == [("wrong-schema", 2)]


ITEM = {"type": "message", "role": "user", "content": "a"}


@pytest.mark.parametrize(
    ("line", "claimed"),
    [
        ({"model": "m", "input": "a"}, True),
        ({"model": "m", "input": [ITEM], "tools": []}, True),
        ({"request": {"model": "m", "input": [ITEM]}, "response": {}}, True),
        ({"body": {"model": "m", "input": "a"}, "url": "/v1/responses", "custom_id": "1"}, True),
        ({"body": {"model": "m", "input": "a"}, "url": "/v1/embeddings"}, False),
        ({"model": "m", "input": "a", "output": "b"}, False),
        ({"model": "m", "input": [1.0, 2.0]}, False),
        ({"model": "m", "messages": [ITEM]}, False),
        ({"input": "a"}, False),
        ({"request": 4}, False),
    ],
)
def test_claims(line: dict[str, Any], claimed: bool) -> None:
    assert OpenAIResponsesReader().claims(line) is claimed


def test_the_way_through_capture_1(fixtures: Path, tmp_path: Path) -> None:
    workload = load_workload(fixtures / "responses-small.jsonl")
    assert workload.formats == ("openai-responses",)
    write_capture(list(workload.sessions), tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
