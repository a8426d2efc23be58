from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Boundary, Damage, Recorded, Session
from autotune.workload.readers.fizeau import FizeauReader

SMALL = Path(__file__).parents[1] / "fixtures" / "fizeau-small.jsonl"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(FizeauReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def small() -> Session:
    (session,), _ = read(SMALL)
    return session


def changed(folder: Path, change: Any) -> Path:
    events = [json.loads(line) for line in SMALL.read_text().splitlines()]
    change(events)
    path = folder / "log.jsonl"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return path


def test_the_loop_is_the_session_not_the_service() -> None:
    session = small()
    assert (session.session_id, session.parent) == ("s-42", None)
    assert [turn.index for turn in session.turns] == [0, 1, 2, 3, 4]
    assert [len(turn.messages) for turn in session.turns] == [2, 4, 6, 6, 2]
    assert [turn.keep for turn in session.turns] == [0, 2, 4, 6, 1]


def test_counts_and_times() -> None:
    turns = small().turns
    assert [turn.recorded.prompt_tokens for turn in turns] == [1000, 1200, None, 1300, None]
    assert [turn.output_tokens for turn in turns] == [20, 10, None, 30, None]
    assert [turn.recorded.latency_ms for turn in turns] == [1000.0, 2000.0, 1000.0, 1500.0, None]
    delays = [turn.delay_ms for turn in turns]
    assert delays == [None, 250.0, 1000.0, 1000.0, 1150.0]
    starts = [(turn.timestamp_ms or 0.0) - (turns[0].timestamp_ms or 0.0) for turn in turns]
    assert starts == [0.0, 1250.0, 4250.0, 6250.0, 8900.0]


def test_ttft_is_the_first_delta_with_output_else_the_attempt_else_absent() -> None:
    ttfts = [turn.recorded.ttft_ms for turn in small().turns]
    assert ttfts == [500.0, 750.0, None, None, None]


def test_a_cache_count_left_out_is_zero_only_where_the_provider_counts() -> None:
    assert [turn.recorded.cached_tokens for turn in small().turns] == [0, 900, None, 0, None]


def test_a_provider_that_never_counts_says_nothing(tmp_path: Path) -> None:
    def forget(events: list[dict[str, Any]]) -> None:
        for event in events:
            event["data"].get("usage", {}).pop("cache_read", None)

    (session,), _ = read(changed(tmp_path, forget))
    assert {turn.recorded.cached_tokens for turn in session.turns} == {None}


def test_a_gateway_may_say_it_elsewhere(tmp_path: Path) -> None:
    def gateway(events: list[dict[str, Any]]) -> None:
        del events[9]["data"]["usage"]["cache_read"]
        details = {"prompt_tokens_details": {"cached_tokens": 7}}
        events[9]["data"]["attempt"]["cost"] = {"raw": details}

    (session,), _ = read(changed(tmp_path, gateway))
    assert [turn.recorded.cached_tokens for turn in session.turns][:2] == [None, 7]


def test_a_failed_call_is_a_turn_without_a_reply() -> None:
    failed, retried = small().turns[2:4]
    assert failed.response is None
    assert failed.recorded == Recorded(latency_ms=1000.0)
    assert failed.origin["error"] == "provider request timeout"
    assert "attempt" not in failed.origin
    assert retried.origin["attempt"] == 2
    assert retried.messages == failed.messages


def test_messages_and_tools_have_chat_shape() -> None:
    turn = small().turns[2]
    (call,) = turn.messages[2]["tool_calls"]
    assert call == {
        "id": "c1",
        "type": "function",
        "function": {"name": "read", "arguments": '{"path":"adder.py","limit":20}'},
    }
    assert [tool["function"]["name"] for tool in turn.tools] == ["read", "edit"]
    assert {tool["type"] for tool in turn.tools} == {"function"}
    assert turn.messages[3]["tool_call_id"] == "c1"
    assert dict(turn.params) == {"temperature": 0, "top_p": 0.9, "max_tokens": 512}


def test_a_reply_is_the_message_that_the_next_prompt_carries() -> None:
    turns = small().turns
    assert turns[0].response == turns[1].messages[2]
    assert turns[1].response == turns[2].messages[4]


def test_shared_messages_and_tools_are_kept_once() -> None:
    turns = small().turns
    assert turns[3].messages[5] is turns[2].messages[5]
    assert turns[4].tools is turns[0].tools


def test_a_prompt_that_shrinks_is_a_boundary() -> None:
    assert [turn.boundary for turn in small().turns] == [None] * 4 + [Boundary.COMPACTION]


def test_without_a_compaction_it_is_an_edit(tmp_path: Path) -> None:
    def fail_compaction(events: list[dict[str, Any]]) -> None:
        events[14]["data"] = {"success": False, "error": "no"}

    (session,), _ = read(changed(tmp_path, fail_compaction))
    assert session.turns[4].boundary is Boundary.EDIT


def test_provenance_names_no_path() -> None:
    origin = small().turns[0].origin
    assert origin["format"] == "fizeau"
    assert origin["line"] == 2
    assert len(origin["file"]) == len("sha256:") + 64


def test_a_request_without_reply_is_kept_and_told() -> None:
    (session,), damage = read(SMALL)
    assert session.turns[4].response is None
    (entry,) = damage
    assert (entry.kind, entry.first_line, entry.harmless) == ("unanswered-request", 16, True)


def test_a_reply_without_request_is_damage(tmp_path: Path) -> None:
    (session,), damage = read(changed(tmp_path, lambda events: events.pop(1)))
    assert len(session.turns) == 4
    assert damage[0].kind == "response-without-request"


def test_broken_events_are_counted(tmp_path: Path) -> None:
    def damage_some(events: list[dict[str, Any]]) -> None:
        events[6]["data"]["usage"]["input"] = "many"
        events[8]["ts"] = "yesterday"
        events[10]["data"]["messages"] = [{"content": "no role"}]
        del events[12]["data"]

    (session,), damage = read(changed(tmp_path, damage_some))
    (wrong,) = [d for d in damage if d.kind == "wrong-schema"]
    assert (wrong.count, wrong.first_line) == (4, 7)
    assert wrong.detail == "usage.input: Input should be a valid integer"
    assert len(session.turns) == 2


def test_two_loops_in_a_file_are_two_sessions(tmp_path: Path) -> None:
    def second_loop(events: list[dict[str, Any]]) -> None:
        events += [{**event, "session_id": "s-43"} for event in events[1:7]]

    found, _ = read(changed(tmp_path, second_loop))
    assert [(s.session_id, len(s.turns)) for s in found] == [("s-42", 5), ("s-43", 1)]


def test_a_clock_that_runs_backwards_gives_no_delay(tmp_path: Path) -> None:
    def back(events: list[dict[str, Any]]) -> None:
        events[8]["ts"] = "2026-03-01T10:00:01.000000000Z"

    (session,), _ = read(changed(tmp_path, back))
    assert session.turns[1].delay_ms is None
