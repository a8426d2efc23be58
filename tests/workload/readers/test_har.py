from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Damage, Session
from autotune.workload.readers.har import HarReader
from autotune.workload.writer import write_capture

SMALL = Path(__file__).parents[1] / "fixtures" / "har-small.har"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(HarReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def changed(folder: Path, change: Any) -> Path:
    document = json.loads(SMALL.read_text())
    change(document["log"]["entries"])
    path = folder / "a.har"
    path.write_text(json.dumps(document))
    return path


def test_posts_to_model_apis_are_requests_and_nothing_else_is() -> None:
    (chat, messages, responses), damage = read(SMALL)
    assert [len(s.turns) for s in (chat, messages, responses)] == [3, 1, 2]
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 2, 9)]
    assert damage[0].detail == "previous_response_id: the log does not hold that response"


def test_streamed_replies_are_put_together() -> None:
    (chat, messages, responses), _ = read(SMALL)
    assert chat.turns[0].response == chat.turns[1].messages[2]
    assert chat.turns[1].response == {
        "role": "assistant",
        "content": "Two files: a.py\u2028b.py",
    }
    assert messages.turns[0].response == {
        "role": "assistant",
        "reasoning_content": "Hm.",
        "tool_calls": [
            {
                "id": "t1",
                "type": "function",
                "function": {"name": "ls", "arguments": '{"path":"."}'},
            }
        ],
    }
    assert [t.response for t in responses.turns] == [
        {"role": "assistant", "content": "1"},
        {"role": "assistant", "content": "2"},
    ]


def test_counts_include_what_was_cached_and_ttft_is_absent() -> None:
    (chat, messages, responses), _ = read(SMALL)
    counts = [
        (t.recorded.prompt_tokens, t.recorded.cached_tokens, t.recorded.completion_tokens)
        for t in (*chat.turns[:2], *messages.turns, *responses.turns)
    ]
    assert counts == [(500, 0, 12), (560, 512, 8), (330, 300, 9), (70, 64, 3), (70, 64, 3)]
    turns = [turn for session in (chat, messages, responses) for turn in session.turns]
    assert {turn.recorded.ttft_ms for turn in turns} == {None}
    assert [turn.recorded.latency_ms for turn in chat.turns] == [900.0, 400.0, 5.0]
    assert [turn.delay_ms for turn in chat.turns] == [None, 600.0, 100.0]
    assert chat.turns[0].recorded.model == "served"


def test_a_call_that_failed_is_a_turn_without_a_reply() -> None:
    failed = read(SMALL)[0][0].turns[2]
    assert (failed.response, failed.recorded.prompt_tokens) == (None, None)
    assert len(failed.messages) == 5


def test_a_response_that_the_server_continued_is_made_whole() -> None:
    responses = read(SMALL)[0][2]
    assert [(m["role"], m["content"]) for m in responses.turns[1].messages] == [
        ("system", "Be brief."),
        ("user", "One?"),
        ("assistant", "1"),
        ("user", "Two?"),
    ]
    assert responses.turns[1].keep == 2


def test_no_secret_leaves_the_reader(tmp_path: Path) -> None:
    sessions, _ = read(SMALL)
    write_capture(sessions, tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_text()
    assert "secret" not in text
    assert "api.example.com" not in text
    assert sessions[1].session_id == "11111111-2222-3333-4444-555555555555"


def test_bodies_that_are_no_base64_or_no_json_are_damage(tmp_path: Path) -> None:
    def spoil(entries: list[dict[str, Any]]) -> None:
        entries[3]["request"]["postData"]["text"] = "%%%"
        entries[4]["request"]["postData"]["text"] = "[]"
        entries[2]["response"]["content"] = {"text": "%%%", "encoding": "base64"}
        entries[2]["time"] = -1

    sessions, damage = read(changed(tmp_path, spoil))
    turn = sessions[0].turns[0]
    assert (turn.response, turn.recorded.latency_ms) == (None, None)
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 4, 4)]


def test_other_documents_are_not_claimed() -> None:
    entries: dict[str, Any] = {"log": {"entries": []}}
    odd: list[Any] = [{}, {"log": []}, {"log": {"entries": {}}}, [entries], "log"]
    for document in odd:
        assert not HarReader().claims_document(document)


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    workload = load_workload(SMALL)
    assert workload.formats == ("har",)
    write_capture(workload.sessions, tmp_path / "out.jsonl")
    assert load_workload(tmp_path / "out.jsonl").sessions == workload.sessions
