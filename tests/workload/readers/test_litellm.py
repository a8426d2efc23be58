from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Damage, PromptFidelity, Session
from autotune.workload.readers.litellm import LiteLLMReader
from autotune.workload.writer import write_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
PAYLOADS = FIXTURES / "litellm-small.jsonl"
SPEND = FIXTURES / "litellm-spend-small.json"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(LiteLLMReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def payloads() -> list[dict[str, Any]]:
    return [json.loads(line) for line in PAYLOADS.read_text().splitlines()]


def test_calls_are_logged_as_they_end_and_read_as_they_began() -> None:
    (session,), damage = read(PAYLOADS)
    assert [len(turn.messages) for turn in session.turns] == [2, 4, 6, 6]
    assert [turn.delay_ms for turn in session.turns] == [None, 1000.0, 1000.0, 800.0]
    assert [(d.kind, d.detail) for d in damage] == [
        ("wrong-schema", "messages: redacted by the gateway")
    ]


def test_ttft_is_there_only_where_the_reply_was_streamed() -> None:
    (session,), _ = read(PAYLOADS)
    ttfts = [turn.recorded.ttft_ms for turn in session.turns]
    assert ttfts == [500.0, pytest.approx(100.0, abs=0.01), None, None]
    assert session.turns[0].recorded.latency_ms == 2000.0


def test_counts_and_the_failed_call_without_any() -> None:
    (session,), _ = read(PAYLOADS)
    counts = [(t.recorded.prompt_tokens, t.recorded.cached_tokens) for t in session.turns]
    assert counts == [(500, 0), (560, 512), (None, None), (600, 560)]
    assert [turn.output_tokens for turn in session.turns] == [12, 8, None, 3]
    assert session.turns[2].response is None
    assert session.turns[0].params == {"temperature": 0.2}
    assert session.turns[0].tools[0]["function"]["name"] == "ls"


def test_an_answer_from_the_gateways_cache_is_no_request() -> None:
    (session,), _ = read(PAYLOADS)
    assert all(turn.origin["line"] not in (6, 7) for turn in session.turns)


def test_spend_rows_hold_the_clients_body_and_say_where_it_was_cut() -> None:
    (main, title), damage = read(SPEND)
    assert (main.session_id, title.session_id, title.parent) == ("sess-9", "sess-9.2", "sess-9")
    assert [turn.recorded.prompt_tokens for turn in main.turns] == [3000, 3100]
    assert [turn.recorded.cached_tokens for turn in main.turns] == [2048, 2048]
    assert [turn.recorded.ttft_ms for turn in main.turns] == [250.0, 250.0]
    assert main.turns[0].fidelity.prompt is PromptFidelity.REBUILT
    assert main.turns[0].fidelity.missing == ("text",)
    assert title.turns[0].fidelity.prompt is PromptFidelity.EXACT
    assert title.turns[0].messages[0] == {"role": "system", "content": "Be brief."}
    assert [d.detail for d in damage] == ["messages: the gateway did not store them"]


def test_a_payload_of_another_api_and_in_a_wrapper(tmp_path: Path) -> None:
    base = {**payloads()[1], "model_parameters": {"temperature": 0}}
    rows = [
        {**base, "call_type": "aresponses", "messages": "One?"},
        {**base, "call_type": "atext_completion", "messages": "Once upon"},
        {**base, "call_type": "anthropic_messages", "messages": [{"role": "user", "content": "A"}]},
    ]
    path = tmp_path / "log.jsonl"
    text = "".join(json.dumps({"standard_logging_object": row}) + "\n" for row in rows)
    path.write_text(text)
    sessions, damage = read(path)
    assert damage == ()
    said = [session.turns[0].messages[0]["content"] for session in sessions]
    assert said == ["One?", "Once upon", "A"]
    missing = [session.turns[0].fidelity.missing for session in sessions]
    assert missing == [(), ("roles",), ()]


def test_a_list_of_payloads_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps([*payloads(), 5]))
    (session,), damage = read(path)
    assert len(session.turns) == 4
    assert [d.kind for d in damage] == ["wrong-schema", "not-an-object"]


def test_no_key_or_address_of_the_caller_leaves_the_reader() -> None:
    for path in (PAYLOADS, SPEND):
        sessions, _ = read(path)
        assert "secret" not in repr(sessions)
        assert "10.0.0.1" not in repr(sessions)


def test_other_lines_and_documents_are_not_claimed() -> None:
    reader = LiteLLMReader()
    assert not reader.claims({"model": "m", "messages": []})
    assert not reader.claims({"standard_logging_object": 5})
    odd: list[Any] = [{}, [], {"data": []}, {"data": [{"payloads": []}]}, 5]
    for document in odd:
        assert not reader.claims_document(document)


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    workload = load_workload([PAYLOADS, SPEND])
    assert workload.formats == ("litellm",)
    write_capture(workload.sessions, tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
