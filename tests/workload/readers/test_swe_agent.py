"""SWE-agent: which history is whose prompt, steps that asked nothing, old files, attempts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, PromptFidelity, Session
from autotune.workload.readers.swe_agent import SweAgentReader

FIXTURES = Path(__file__).parents[1] / "fixtures"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(SweAgentReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


def changed(folder: Path, change: Any, name: str = "swe-agent-small.traj") -> Path:
    document = json.loads((FIXTURES / name).read_text())
    change(document)
    (folder / "x.traj").write_text(json.dumps(document))
    return folder / "x.traj"


def test_messages_of_a_step_are_the_prompt_of_the_next() -> None:
    (session,), damage = read(FIXTURES / "swe-agent-small.traj")
    assert damage == ()
    assert session.session_id == "made__up-1"
    assert [len(turn.messages) for turn in session.turns] == [2, 4]
    assert [turn.keep for turn in session.turns] == [0, 2]
    assert {turn.fidelity.prompt for turn in session.turns} == {PromptFidelity.EXACT}


def test_a_step_that_added_no_reply_asked_for_nothing() -> None:
    (session,), _ = read(FIXTURES / "swe-agent-small.traj")
    assert [turn.origin["step"] for turn in session.turns] == [1, 2]


def test_messages_are_what_was_sent() -> None:
    (session,), _ = read(FIXTURES / "swe-agent-small.traj")
    system, user, reply, result = session.turns[1].messages
    assert system == {"role": "system", "content": "You fix."}
    assert user == {"role": "user", "content": [{"type": "text", "text": "Fix a.py"}]}
    assert list(reply) == ["role", "content", "tool_calls"]
    assert result["tool_call_id"] == "t1"
    assert "cache_control" not in result
    assert session.turns[0].response == reply
    assert session.turns[1].response is not None
    assert session.turns[1].response["tool_calls"][0]["id"] == "t2"


def test_model_times_and_totals() -> None:
    (session,), _ = read(FIXTURES / "swe-agent-small.traj")
    first, second = session.turns
    assert first.recorded.model == "m-1"
    assert dict(first.params) == {"temperature": 0.0}
    assert (first.delay_ms, second.delay_ms) == (None, 250.0)
    assert (first.origin["tokens_sent"], first.origin["api_calls"]) == (500, 2)
    assert "tokens_sent" not in second.origin
    assert first.fidelity.missing == ("tools",)


def test_query_is_the_prompt_itself(tmp_path: Path) -> None:
    def newer(document: dict[str, Any]) -> None:
        first, second, last = document["trajectory"]
        second["query"] = first.pop("messages")
        first["query"] = second["query"][:2]
        last["query"] = [{}]
        document["history"] = second.pop("messages")
        last.pop("messages")

    (session,), damage = read(changed(tmp_path, newer))
    (older,), _ = read(FIXTURES / "swe-agent-small.traj")
    assert damage == ()
    assert [t.messages for t in session.turns] == [t.messages for t in older.turns]
    assert [t.response for t in session.turns] == [t.response for t in older.turns]


def test_attempts_are_sessions_and_the_chosen_one_is_not_read_again(tmp_path: Path) -> None:
    def retried(document: dict[str, Any]) -> None:
        document["attempts"] = [dict(document), dict(document)]

    sessions, _ = read(changed(tmp_path, retried))
    assert [s.session_id for s in sessions] == ["made__up-1.1", "made__up-1.2"]


def test_a_history_alone_is_rebuilt_by_agent() -> None:
    (main, search), damage = read(FIXTURES / "swe-agent-history-small.traj")
    assert damage == ()
    assert [[m["content"] for m in t.messages] for t in main.turns] == [
        ["You fix.", "Here is how it goes.", "Shown.", "Fix a.py"],
        ["You fix.", "Here is how it goes.", "Shown.", "Fix a.py", "I look.", "a.py"],
    ]
    assert main.turns[0].fidelity.prompt is PromptFidelity.REBUILT
    assert main.turns[0].fidelity.missing == ("edits",)
    assert main.turns[1].delay_ms == 500.0
    assert search.parent == main.session_id
    assert search.turns[0].boundary is Boundary.SUBAGENT
    assert main.session_id.startswith("swe-agent-")


def test_what_is_no_message_is_counted(tmp_path: Path) -> None:
    def broken(document: dict[str, Any]) -> None:
        document["trajectory"][0]["messages"][1] = 7
        document["trajectory"][2]["messages"] = "x"

    (session,), damage = read(changed(tmp_path, broken))
    assert [turn.origin["step"] for turn in session.turns] == [2]
    assert [len(turn.messages) for turn in session.turns] == [4]
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 2, 1)]


def test_settings_of_any_shape(tmp_path: Path) -> None:
    for settings in ("{", "[]", 7, {"agent": {"model": {"name": "m-2", "top_p": "x"}}}):
        path = changed(tmp_path, lambda d, s=settings: d.update(replay_config=s))
        (session,), _ = read(path)
        known = "m-2" if isinstance(settings, dict) else None
        assert session.turns[0].recorded.model == known
        assert dict(session.turns[0].params) == {}


def test_claims_and_detection() -> None:
    claims = SweAgentReader().claims_document
    assert claims({"trajectory": [], "history": [], "info": {}})
    assert not claims({"trajectory": [], "history": []})
    assert not claims({"trajectory": {}, "history": [], "info": {}})
    assert not claims([])
    assert load_workload(FIXTURES / "swe-agent-small.traj").formats == ("swe-agent",)
