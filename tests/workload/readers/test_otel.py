"""OTLP JSON: spans out of order, old and new places of the content, content that is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Damage, PromptFidelity, Session
from autotune.workload.readers.otel import CUT_OFF, TURN_ON, OtelReader, recorded_of
from autotune.workload.readers.otlp import Span

FIXTURES = Path(__file__).parents[1] / "fixtures"
SMALL = FIXTURES / "otel-small.jsonl"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(OtelReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


def typed(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": typed(value)} for key, value in values.items()]


def export(path: Path, values: dict[str, Any], events: list[Any] | None = None) -> Path:
    """A document with one span of a model call."""
    span = {
        "traceId": "aa",
        "spanId": "01",
        "name": "chat",
        "events": events or [],
        "startTimeUnixNano": "1767323001000000000",
        "endTimeUnixNano": "1767323003000000000",
        "attributes": attributes({"gen_ai.operation.name": "chat", **values}),
    }
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    (path / "x.json").write_text(json.dumps(document, indent=1))
    return path / "x.json"


def test_spans_are_put_in_the_order_they_began() -> None:
    (session,), damage = read(SMALL)
    assert session.session_id == "conv-1"
    assert [t.origin["span"] for t in session.turns] == ["01", "02"]
    assert [t.keep for t in session.turns] == [0, 2]
    assert [(d.kind, d.detail) for d in damage] == [("no-content", TURN_ON)]
    assert {t.fidelity.prompt for t in session.turns} == {PromptFidelity.EXACT}


def test_messages_have_chat_shape() -> None:
    (session,), _ = read(SMALL)
    system, user, reply, result = session.turns[1].messages
    assert system == {"role": "system", "content": "You help."}
    assert user == {"role": "user", "content": "Weather?"}
    assert reply["reasoning_content"] == "Hm."
    assert reply["tool_calls"][0]["function"] == {
        "name": "weather",
        "arguments": '{"city":"Rome"}',
    }
    assert result == {"role": "tool", "tool_call_id": "c1", "content": "rain"}
    assert session.turns[1].response == {"role": "assistant", "content": "It rains."}
    assert session.turns[0].tools[0]["function"]["name"] == "weather"


def test_counts_and_times() -> None:
    (session,), _ = read(SMALL)
    first, second = session.turns
    assert [t.recorded.prompt_tokens for t in session.turns] == [100, 120]
    assert (second.recorded.cached_tokens, second.output_tokens) == (100, 7)
    assert (second.recorded.ttft_ms, second.recorded.latency_ms) == (250.0, 1500.0)
    assert (first.timestamp_ms, second.delay_ms) == (1767323001000.0, 2000.0)
    assert dict(first.params) == {"temperature": 0.5}


def test_one_event_a_message(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    events = [
        {"name": "gen_ai.system.message", "attributes": attributes({"content": "You help."})},
        {
            "name": "gen_ai.user.message",
            "attributes": attributes({"gen_ai.event.content": '{"content": "Hi"}'}),
        },
        {"name": "gen_ai.assistant.message", "attributes": attributes({"tool_calls": [call]})},
        {"name": "gen_ai.tool.message", "attributes": attributes({"id": "c1", "content": "2"})},
        {"name": "gen_ai.choice", "attributes": attributes({"message": {"content": "Two."}})},
    ]
    (session,), damage = read(export(tmp_path, {"gen_ai.request.model": "m"}, events))
    (turn,) = session.turns
    assert damage == ()
    assert [m["role"] for m in turn.messages] == ["system", "user", "assistant", "tool"]
    assert turn.messages[1]["content"] == "Hi"
    assert turn.messages[2]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'
    assert turn.messages[3]["tool_call_id"] == "c1"
    assert turn.response == {"role": "assistant", "content": "Two."}
    assert turn.fidelity.missing == ("tools",)


def test_numbered_attributes(tmp_path: Path) -> None:
    values = {
        "gen_ai.prompt.10.role": "tool",
        "gen_ai.prompt.10.content": "2",
        "gen_ai.prompt.10.tool_call_id": "c1",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": '[{"type":"text","text":"Hi"}]',
        "gen_ai.prompt.2.role": "assistant",
        "gen_ai.prompt.2.tool_calls.0.id": "c1",
        "gen_ai.prompt.2.tool_calls.0.name": "f",
        "gen_ai.prompt.2.tool_calls.0.arguments": '{"a": 1}',
        "gen_ai.completion.0.content": "Two.",
        "llm.request.functions.0.name": "f",
        "llm.request.functions.0.parameters": '{"type": "object"}',
        "gen_ai.usage.prompt_tokens": 40,
        "gen_ai.usage.completion_tokens": 3,
    }
    (session,), damage = read(export(tmp_path, values))
    (turn,) = session.turns
    assert damage == ()
    assert [m["role"] for m in turn.messages] == ["user", "assistant", "tool"]
    assert turn.messages[0]["content"] == "Hi"
    assert turn.messages[1]["tool_calls"][0]["function"]["name"] == "f"
    assert turn.response == {"role": "assistant", "content": "Two."}
    assert turn.tools == (
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
    )
    assert (turn.recorded.prompt_tokens, turn.output_tokens) == (40, 3)


def test_content_may_come_as_a_log_record_behind_its_span(tmp_path: Path) -> None:
    path = export(tmp_path, {"gen_ai.conversation.id": "c"})
    said = [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
    record = {
        "traceId": "aa",
        "spanId": "01",
        "eventName": "gen_ai.client.inference.operation.details",
        "attributes": attributes({"gen_ai.input.messages": said}),
    }
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    lines = [json.dumps(json.loads(path.read_text())), json.dumps(logs)]
    (tmp_path / "y.jsonl").write_text("\n".join(lines))
    (session,), damage = read(tmp_path / "y.jsonl")
    assert damage == ()
    assert session.turns[0].messages == ({"role": "user", "content": "Hi"},)


def test_an_attribute_that_was_cut_off_is_named(tmp_path: Path) -> None:
    values = {"gen_ai.input.messages": '[{"role":"user","parts":[{"ty'}
    sessions, damage = read(export(tmp_path, values))
    assert sessions == []
    detail = f"gen_ai.input.messages {CUT_OFF}"
    assert [(d.kind, d.detail) for d in damage] == [("wrong-schema", detail)]


def test_side_calls_of_a_conversation_are_sessions_of_their_own(tmp_path: Path) -> None:
    lines = SMALL.read_text().splitlines()
    side = lines[1].replace("Weather?", "Name this.").replace("1767323001", "1767323002")
    side = side.replace('"spanId":"01"', '"spanId":"04"')
    (tmp_path / "x.jsonl").write_text("\n".join([*lines[:2], side]))
    sessions, damage = read(tmp_path / "x.jsonl")
    assert damage == ()
    assert [(s.session_id, s.parent, len(s.turns)) for s in sessions] == [
        ("conv-1", None, 2),
        ("conv-1.2", "conv-1", 1),
    ]


@pytest.mark.parametrize(
    ("values", "prompt", "cached"),
    [
        ({"gen_ai.usage.input_tokens": 90, "gen_ai.usage.cache_read.input_tokens": 80}, 90, 80),
        (
            {
                "gen_ai.usage.input_tokens": 5,
                "gen_ai.usage.cache_read_input_tokens": 80,
                "gen_ai.usage.cache_creation_input_tokens": 10,
            },
            95,
            80,
        ),
        ({"gen_ai.usage.input_tokens": 0}, None, None),
        ({"gen_ai.usage.input_tokens": "x"}, None, None),
    ],
)
def test_the_prompt_holds_the_cached_tokens(
    values: dict[str, Any], prompt: int | None, cached: int | None
) -> None:
    recorded = recorded_of(Span("a", "b", "chat", None, None, values))
    assert (recorded.prompt_tokens, recorded.cached_tokens) == (prompt, cached)


def test_other_spans_are_no_requests(tmp_path: Path) -> None:
    sessions, damage = read(export(tmp_path, {"gen_ai.operation.name": "invoke_agent"}))
    assert (sessions, damage) == ([], ())


def test_claims_and_detection() -> None:
    assert OtelReader().claims({"resourceSpans": []})
    assert OtelReader().claims_document({"resourceLogs": []})
    assert not OtelReader().claims({"resourceSpans": {}})
    assert not OtelReader().claims_document([])
    assert load_workload(SMALL).formats == ("otel",)
