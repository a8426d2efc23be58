"""mini-swe-agent: linear lists, bare and in an envelope, replies that were not kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Damage, Recorded, Session
from autotune.workload.readers.mini_swe_agent import MiniSweAgentReader

FIXTURES = Path(__file__).parents[1] / "fixtures"
SMALL = FIXTURES / "mini-swe-agent-small.traj.json"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(MiniSweAgentReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


def small() -> Session:
    (session,), damage = read(SMALL)
    assert damage == ()
    return session


def test_each_reply_is_a_request_over_all_before() -> None:
    assert [len(turn.messages) for turn in small().turns] == [2, 4, 5]
    assert [turn.keep for turn in small().turns] == [0, 2, 4]


def test_a_reply_that_was_not_kept_is_a_request_too() -> None:
    turn = small().turns[1]
    assert turn.recorded == Recorded(prompt_tokens=330, completion_tokens=1, model="m-1")
    assert turn.response == {"role": "assistant", "content": "3"}
    assert small().turns[2].messages[4] == {"role": "user", "content": "That was no call."}


def test_counts_and_times() -> None:
    turns = small().turns
    assert [t.recorded.prompt_tokens for t in turns] == [300, 330, 345]
    assert [t.recorded.cached_tokens for t in turns] == [128, None, None]
    assert [t.output_tokens for t in turns] == [20, 1, 2]
    assert [t.timestamp_ms for t in turns] == [None, 1767323100500.0, 1767323103000.0]
    assert [t.delay_ms for t in turns] == [None, 500.0, 0.0]
    assert turns[0].recorded.model == "m-1-2026"


def test_messages_are_sent_without_their_notes() -> None:
    reply = small().turns[1].messages[2]
    assert list(reply) == ["role", "content", "tool_calls"]
    assert dict(small().turns[0].params) == {"temperature": 0.5}
    assert small().turns[0].fidelity.missing == ("tools",)


def test_the_bare_list() -> None:
    (session,), damage = read(FIXTURES / "mini-swe-agent-bare-small.traj.json")
    assert damage == ()
    assert [len(turn.messages) for turn in session.turns] == [2, 4]
    assert session.turns[0].fidelity.missing == ()
    assert session.turns[1].response == {"role": "assistant", "content": "Three."}


def test_items_of_the_responses_api(tmp_path: Path) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "bash", "arguments": "{}"}
    response = {"object": "response", "model": "m-3", "output": [call]}
    response["usage"] = {"input_tokens": 90, "output_tokens": 4}
    messages: list[Any] = [
        {"role": "system", "content": "You act."},
        {"role": "user", "content": "Go."},
        {**response, "extra": {"timestamp": 1767323100.0}},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {**response, "output": []},
    ]
    document = {"trajectory_format": "mini-swe-agent-1.1", "messages": messages}
    (tmp_path / "x.json").write_text(json.dumps(document))
    (session,), damage = read(tmp_path / "x.json")
    assert damage == ()
    first, second = session.turns
    assert first.recorded == Recorded(prompt_tokens=90, completion_tokens=4, model="m-3")
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "tool"]
    assert second.messages[3] == {"role": "tool", "tool_call_id": "c1", "content": "ok"}


@pytest.mark.parametrize(
    ("messages", "damage"),
    [("x", 1), ([7, {"role": "user", "content": 9}], 2), (None, 1), ([], 0)],
)
def test_other_shapes_are_counted(tmp_path: Path, messages: Any, damage: int) -> None:
    document = {"trajectory_format": "mini-swe-agent-1", "messages": messages}
    (tmp_path / "x.json").write_text(json.dumps(document))
    sessions, entries = read(tmp_path / "x.json")
    assert sessions == []
    assert sum(d.count for d in entries) == damage


def test_claims_and_detection() -> None:
    claims = MiniSweAgentReader().claims_document
    bare = [{"role": "system"}, {"role": "user"}, {"role": "assistant"}]
    assert claims(bare)
    assert claims([*bare, {"role": "exit"}])
    assert not claims(bare[1:])
    assert not claims([*bare, {"role": "dog"}])
    assert not claims([*bare, 7])
    assert not claims({"trajectory_format": "other-1", "messages": []})
    assert load_workload(SMALL).formats == ("mini-swe-agent",)
