from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.detect import detect
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, PromptFidelity, Session
from autotune.workload.readers.openai_chat import OpenAIChatReader
from autotune.workload.writer import write_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
USER = {"role": "user", "content": "Hi"}
SAID = {"role": "assistant", "content": "Hello"}


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(OpenAIChatReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def lines(folder: Path, *rows: Any) -> Path:
    path = folder / "log.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_pairs_make_a_main_loop_and_a_side_call() -> None:
    (main, title), damage = read(FIXTURES / "openai-pairs-small.jsonl")
    assert damage == ()
    assert [len(turn.messages) for turn in main.turns] == [2, 4, 6, 6]
    assert len(title.turns) == 1
    assert [turn.recorded.prompt_tokens for turn in main.turns] == [100, 150, None, 200]
    assert [turn.recorded.cached_tokens for turn in main.turns] == [0, 100, None, 190]
    assert [turn.output_tokens for turn in main.turns] == [20, 30, None, 5]
    assert [turn.recorded.ttft_ms for turn in main.turns] == [400.0, 100.0, None, 90.0]
    assert [turn.delay_ms for turn in main.turns] == [None, 500.0, 1000.0, 950.0]
    assert {turn.recorded.model for turn in main.turns} == {"m-served", "m"}
    assert {turn.fidelity.prompt for turn in main.turns} == {PromptFidelity.EXACT}


def test_a_clock_in_the_system_prompt_breaks_no_conversation() -> None:
    (main, _), _ = read(FIXTURES / "openai-pairs-small.jsonl")
    assert "7:59" in main.turns[0].messages[0]["content"]
    assert "8:01" in main.turns[1].messages[0]["content"]
    assert [turn.keep for turn in main.turns] == [0, 0, 4, 6]
    assert {turn.boundary for turn in main.turns} == {None}


def test_arguments_and_key_order_stay_and_replies_lose_their_empty_parts() -> None:
    (main, _), _ = read(FIXTURES / "openai-pairs-small.jsonl")
    call = main.turns[1].messages[2]["tool_calls"][0]
    assert call["function"]["arguments"] == '{"path": "a.py"}'
    assert main.turns[0].response is not None
    assert list(main.turns[0].response) == ["role", "tool_calls"]
    assert main.turns[2].response is None
    assert main.turns[0].params == {"temperature": 0}
    assert len(main.turns[0].tools) == 2


def test_bare_bodies_fork_where_the_same_prompt_went_on_otherwise() -> None:
    (main, docs, other), _ = read(FIXTURES / "openai-bodies-small.jsonl")
    assert [len(s.turns) for s in (main, docs, other)] == [2, 1, 1]
    assert (other.parent, other.turns[0].boundary) == (main.session_id, Boundary.FORK)
    assert docs.parent is None
    assert main.turns[0].response == main.turns[1].messages[2]


def test_batch_lines_are_independent() -> None:
    sessions, _ = read(FIXTURES / "openai-batch-small.jsonl")
    assert [[turn.messages[1]["content"] for turn in s.turns] for s in sessions] == [
        ["One?"],
        ["Two?"],
    ]
    assert sessions[0].turns[0].params == {"max_tokens": 5}


def test_a_row_is_a_request_for_each_reply() -> None:
    (first, second), _ = read(FIXTURES / "sharegpt-small.jsonl")
    assert [len(turn.messages) for turn in first.turns] == [1, 3]
    assert first.turns[1].messages[1] is first.turns[0].response
    assert first.turns[1].response == {"role": "assistant", "content": "See you."}
    assert [m["role"] for m in second.turns[0].messages] == ["system", "user"]
    assert (first.session_id, second.session_id) == ("conv_1", "conv_2")


def test_a_document_is_a_list_of_the_same() -> None:
    path = FIXTURES / "multi-turn-small.json"
    sessions, damage = read(path)
    assert [(s.session_id, len(s.turns)) for s in sessions] == [("7", 2), ("b", 1)]
    assert damage == ()
    found = detect(CaptureFile(path, path.name))
    assert found is not None
    assert found.name == "openai-chat"


def test_one_pretty_printed_body_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_text(json.dumps({"model": "m", "messages": [USER], "max_tokens": 3}, indent=2))
    (session,) = load_workload(path).sessions
    assert session.turns[0].messages == (USER,)


def test_a_streamed_reply_as_text_or_chunks(tmp_path: Path) -> None:
    chunks = [
        {"choices": [{"delta": {"role": "assistant", "content": "Hel"}}]},
        {"choices": [{"delta": {"content": "lo"}}]},
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}},
    ]
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    body = {"model": "m", "messages": [USER]}
    pairs = [{"request": body, "response": reply} for reply in (text, chunks, json.dumps(chunks))]
    for pair in pairs:
        (session,), _ = read(lines(tmp_path, pair))
        assert session.turns[0].response == SAID
        assert session.turns[0].recorded.prompt_tokens == 9


def test_a_body_kept_as_text_and_a_completion(tmp_path: Path) -> None:
    kept = {"request_json": json.dumps({"model": "m", "messages": [USER]})}
    flat = {"model": "m", "prompt": "Once upon", "max_tokens": 4}
    sessions, damage = read(lines(tmp_path, kept, flat))
    assert damage == ()
    assert sessions[0].turns[0].messages == (USER,)
    turn = sessions[1].turns[0]
    assert turn.messages == ({"role": "user", "content": "Once upon"},)
    assert (turn.fidelity.prompt, turn.fidelity.missing) == (PromptFidelity.REBUILT, ("roles",))


def test_what_is_no_request_is_damage_and_the_rest_is_read(tmp_path: Path) -> None:
    good = {"model": "m", "messages": [USER]}
    bad: list[Any] = [
        {"model": "m", "messages": [{"content": "x"}]},
        {"model": "m", "messages": [{"role": "user", "content": 5}]},
        {"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"function": "f"}]}]},
        {"model": "m", "messages": []},
        {"model": "m", "messages": [USER], "tools": "none"},
        {"conversations": [{"from": "martian", "value": "x"}]},
        {"model": "m"},
    ]
    (session,), damage = read(lines(tmp_path, *bad, good))
    assert len(session.turns) == 1
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 7, 1)]


@pytest.mark.parametrize(
    "line",
    [
        {"turn_id": "a", "conversation_idx": 0, "messages": [USER]},
        {"session_id": "a", "messages": [USER], "output_length": 3},
        {"model": "m", "system": "Be brief.", "messages": [USER]},
        {"messages": [USER], "startTime": 1.0, "model": "m"},
        {"messages": [{"uuid": 1}]},
        {"messages": "hello"},
        {"prompt": "x", "completion": "y"},
        {"custom_id": "a", "url": "/v1/embeddings", "body": {"messages": [USER]}},
        {"hash_ids": [1], "input_length": 5},
        {},
    ],
)
def test_other_formats_are_not_claimed(line: dict[str, Any]) -> None:
    assert not OpenAIChatReader().claims(line)


def test_the_caller_is_not_named(tmp_path: Path) -> None:
    body = {"model": "m", "messages": [USER], "user": "ann@example.com", "api_key": "sk-1"}
    (session,), _ = read(lines(tmp_path, body))
    assert "ann" not in repr(session)
    assert "sk-1" not in repr(session)


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    names = ["openai-pairs-small.jsonl", "openai-bodies-small.jsonl", "sharegpt-small.jsonl"]
    workload = load_workload([FIXTURES / name for name in names])
    write_capture(workload.sessions, tmp_path / "out.jsonl")
    back = load_workload(tmp_path / "out.jsonl")
    assert back.digest == workload.digest
    assert back.sessions == workload.sessions


def test_names_do_not_hang_on_the_file(tmp_path: Path) -> None:
    source = FIXTURES / "openai-bodies-small.jsonl"
    copy = tmp_path / "other.jsonl"
    copy.write_bytes(source.read_bytes())
    assert load_workload(copy).digest == load_workload(source).digest
