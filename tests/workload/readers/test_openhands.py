"""OpenHands: events grouped by the response they came from, condensations, delegates, folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, Recorded, Session
from autotune.workload.readers.openhands import OpenHandsReader
from autotune.workload.readers.openhands_shape import answer_of, is_request, metrics_of, said_by

FIXTURES = Path(__file__).parents[1] / "fixtures"
SMALL = FIXTURES / "openhands-small.jsonl"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(OpenHandsReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


def small() -> list[Session]:
    sessions, damage = read(SMALL)
    assert damage == ()
    return sessions


def test_actions_of_one_response_are_one_request() -> None:
    turns = small()[0].turns
    assert [t.origin["event"] for t in turns] == [5, 10]
    assert turns[0].response is not None
    assert [call["id"] for call in turns[0].response["tool_calls"]] == ["t1", "t2"]


def test_counts_and_latency_come_from_the_metrics() -> None:
    first, second = small()[0].turns
    assert first.recorded == Recorded(500, 0, 30, latency_ms=3000.0, model="m-1")
    assert second.recorded == Recorded(400, 256, 9, latency_ms=2000.0, model="m-1")
    assert first.timestamp_ms == 1767323042000.0
    assert second.timestamp_ms == 1767323050000.0
    assert second.delay_ms == 5000.0


def test_the_prompt_is_what_the_memory_writes() -> None:
    first, second = small()[0].turns
    assert [m["content"] for m in first.messages] == ["You act.", "Fix it.", "Use tabs."]
    result = second.messages[3]
    assert result["content"] == (
        "a.c.\n[Current working directory: /w]\n[Python interpreter: /p]\n"
        "[Command finished with exit code 0]"
    )
    assert (result["tool_call_id"], result["name"]) == ("t1", "execute_bash")
    assert second.messages[4]["content"] == "/w"
    assert len(first.tools) == 1
    assert first.fidelity.missing == ()


def test_a_condensation_forgets_and_puts_its_summary_in_place() -> None:
    second = small()[0].turns[1]
    assert second.boundary is Boundary.COMPACTION
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "tool", "tool"]
    assert second.messages[1]["content"] == "Asked to fix it."
    assert second.keep == 1


def test_early_outputs_hold_pairs_and_a_delegate_is_a_session() -> None:
    _, main, delegate = small()
    assert [len(t.messages) for t in main.turns] == [1, 3, 5]
    assert main.turns[2].messages[4] == {"role": "user", "content": "found"}
    assert main.turns[0].response == {"role": "assistant", "content": "I look.\nls"}
    assert main.turns[0].fidelity.missing == ("system", "tools")
    assert (delegate.session_id, delegate.parent) == ("made__up-2.1", "made__up-2")
    assert [m["content"] for m in delegate.turns[1].messages] == ["Find it.", "x.org", "page"]
    assert delegate.turns[0].boundary is Boundary.SUBAGENT


def events_folder(folder: Path) -> Path:
    """The first instance of the fixture, one event a file, with names that do not sort as text."""
    events = folder / "session-5" / "events"
    events.mkdir(parents=True)
    history = json.loads(SMALL.read_text().splitlines()[0])["history"]
    for number, event in enumerate(history, start=5):
        (events / f"{number}.json").write_text(json.dumps(event))
    return events


def test_a_folder_of_events_is_the_same_conversation(tmp_path: Path) -> None:
    events = events_folder(tmp_path)
    names = sorted(path.name for path in events.iterdir())
    assert OpenHandsReader().claims_folder(events, names)
    assert not OpenHandsReader().claims_folder(events.parent, names)
    assert not OpenHandsReader().claims_folder(events, ["notes.json"])
    (session,), damage = read(events)
    assert damage == ()
    assert session.session_id == "session-5"
    assert [t.messages for t in session.turns] == [t.messages for t in small()[0].turns]
    assert session.turns[0].recorded.prompt_tokens == 500


def test_a_folder_is_found_and_its_broken_files_are_counted(tmp_path: Path) -> None:
    events = events_folder(tmp_path)
    (events / "7.json").write_text("{")
    (events / "8.json").write_text("[]")
    workload = load_workload(tmp_path)
    assert workload.formats == ("openhands",)
    assert {d.kind for d in workload.damage} == {"bad-json", "wrong-schema"}


def test_a_number_of_events_is_not_a_range_that_is_walked(tmp_path: Path) -> None:
    line = json.loads(SMALL.read_text().splitlines()[0])
    args = {"forgotten_events_start_id": 0, "forgotten_events_end_id": 2**39, "summary": "All."}
    line["history"][8]["args"] = args
    (tmp_path / "output.jsonl").write_text(json.dumps(line))
    (session,), _ = read(tmp_path / "output.jsonl")
    assert [m["content"] for m in session.turns[1].messages] == ["All."]


def test_lines_of_other_shapes_are_counted(tmp_path: Path) -> None:
    lines: list[Any] = [
        {"instance_id": 5, "history": [None, 4, {"action": "run"}, {"action": [], "source": 1}]},
        {"instance_id": "a", "history": "x"},
    ]
    (tmp_path / "output.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    sessions, damage = read(tmp_path / "output.jsonl")
    assert sessions == []
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 4, 1)]


def test_claims() -> None:
    assert OpenHandsReader().claims({"instance_id": "a", "history": []})
    assert not OpenHandsReader().claims({"instance_id": "a", "history": {}})
    assert not OpenHandsReader().claims({"history": []})
    assert load_workload(SMALL).formats == ("openhands",)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            {"source": "user", "action": "run", "args": {"command": "ls"}},
            "executed the command:\nls",
        ),
        ({"source": "user", "action": "message", "message": "Hi"}, "Hi"),
        ({"source": "agent", "action": "run", "args": {"code": "1"}}, "1"),
        ({"source": "agent", "action": "delegate", "args": {"inputs": {"a": 1}}}, '{"a":1}'),
    ],
)
def test_actions_without_a_response(event: dict[str, Any], said: str) -> None:
    message = said_by(event)
    assert message is not None
    assert message["content"].endswith(said)


def test_observations_that_are_not_shown_and_those_with_a_note() -> None:
    assert answer_of({"observation": "agent_state_changed", "content": "x"}) is None
    assert answer_of({"observation": "recall", "content": "Added"}) is None
    message = answer_of({"observation": "error", "content": "No."})
    assert message is not None
    assert message["content"].startswith("No.\n[")
    assert not is_request({"source": "agent", "action": "system"})
    assert not is_request({"source": "user", "action": "run"})


def test_metrics_of_any_shape() -> None:
    assert metrics_of(None) == {}
    assert metrics_of({"token_usages": [{"response_id": "a", "prompt_tokens": 0}]}) == {
        "a": Recorded()
    }
    assert metrics_of({"response_latencies": [{"response_id": "a", "latency": -1}]}) == {}
