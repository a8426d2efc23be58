from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.detect import detect
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import PromptFidelity, Session
from autotune.workload.readers.aiperf import AIPerfInputsReader, AIPerfTraceReader
from autotune.workload.writer import write_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
INPUTS = FIXTURES / "aiperf-inputs-small.json"
TRACE = FIXTURES / "aiperf-trace-small.jsonl"
USER = {"role": "user", "content": "Hi"}


def sessions_of(path: Path) -> dict[str, Session]:
    return {session.session_id: session for session in load_workload(path).sessions}


def test_inputs_are_sessions_of_bodies_in_any_api() -> None:
    found = sessions_of(INPUTS)
    assert {name: len(session.turns) for name, session in found.items()} == {"s1": 2, "s2": 1}
    assert [turn.keep for turn in found["s1"].turns] == [0, 1]
    assert found["s1"].turns[0].params == {"max_tokens": 9}
    assert found["s2"].turns[0].messages == (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    )


def test_broken_payloads_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    good = {"messages": [USER]}
    data = [{"session_id": "a", "payloads": [5, {}, good]}, {"session_id": "b"}, None]
    path.write_text(json.dumps({"data": data}))
    ledger = DamageLedger()
    (session,) = AIPerfInputsReader().read(CaptureFile(path, "f"), ledger)
    assert len(session.turns) == 1
    assert [(d.kind, d.count) for d in ledger.entries()] == [("wrong-schema", 4)]


def test_rows_with_messages_or_a_payload() -> None:
    found = sessions_of(TRACE)
    turns = found["h"].turns
    assert [(turn.output_tokens, turn.timestamp_ms, turn.delay_ms) for turn in turns] == [
        (12, 0.0, None),
        (13, None, 750.0),
    ]
    assert [len(turn.tools) for turn in turns] == [2, 2]
    assert turns[1].params == {"temperature": 0}
    assert {turn.fidelity.prompt for turn in turns} == {PromptFidelity.EXACT}
    assert found["p"].turns[0].params == {"temperature": 0.5}
    assert found["p"].turns[0].timestamp_ms == 5.5


def test_delta_rows_lack_the_replies_that_would_come_live() -> None:
    first, second = sessions_of(TRACE)["d"].turns
    assert first.fidelity.prompt is PromptFidelity.EXACT
    assert [m["role"] for m in second.messages] == ["user", "user"]
    assert (second.fidelity.prompt, second.fidelity.missing) == (
        PromptFidelity.REBUILT,
        ("replies",),
    )
    assert (second.output_tokens, second.delay_ms, second.keep) == (5, 20.0, 1)


def test_text_is_a_users_message() -> None:
    (name,) = [name for name in sessions_of(TRACE) if name.startswith("aiperf-trace-")]
    turn = sessions_of(TRACE)[name].turns[0]
    assert turn.messages == ({"role": "user", "content": "Say hello."},)
    assert turn.output_tokens == 2


@pytest.mark.parametrize(
    ("row", "claimed"),
    [
        ({"messages": [USER], "session_id": "a"}, True),
        ({"text_input": "x", "timestamp": 1}, True),
        ({"text_input": "x", "input_length": None, "output_length": 1}, True),
        ({"input_length": 5, "hash_ids": [1], "timestamp": 0, "output_length": 3}, False),
        ({"messages": [USER], "text_input": "x", "delay": 1}, False),
        ({"messages": [USER]}, False),
        ({"messages": [USER], "model": "m", "session_id": "a"}, False),
        ({"payload": {"messages": [USER]}, "response": {}, "timestamp": 1}, False),
        ({"type": "message", "messages": [USER], "timestamp": 1}, False),
    ],
)
def test_claims_need_one_kind_of_text_and_a_mark(row: dict[str, Any], claimed: bool) -> None:
    assert AIPerfTraceReader().claims(row) is claimed


@pytest.mark.parametrize(
    "document", [{}, [], {"data": []}, {"data": [1]}, {"data": {"payloads": []}}, None, "data"]
)
def test_other_documents_are_not_claimed(document: Any) -> None:
    assert not AIPerfInputsReader().claims_document(document)


def test_a_folder_of_raw_payloads_is_a_conversation_a_file(tmp_path: Path) -> None:
    """AIPerf's ``raw_payload``: nothing but bodies, which other logs hold too."""
    reply = {"role": "assistant", "content": "x"}
    for name in ("a", "b"):
        first = [{"role": "user", "content": name}]
        bodies = [{"messages": first}, {"messages": [*first, reply, USER]}]
        text = "".join(f"{json.dumps(body)}\n" for body in bodies)
        (tmp_path / f"{name}.jsonl").write_text(text)
    workload = load_workload(tmp_path)
    assert workload.formats == ("openai-chat",)
    assert [[len(turn.messages) for turn in s.turns] for s in workload.sessions] == [[1, 3], [1, 3]]


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    for path in (INPUTS, TRACE):
        found = detect(CaptureFile(path, path.name))
        assert found is not None
        assert found.name.startswith("aiperf")
        workload = load_workload(path)
        write_capture(workload.sessions, tmp_path / "out.jsonl", force=True)
        assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
