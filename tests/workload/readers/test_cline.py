from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, Recorded, Session
from autotune.workload.readers.capture1 import Capture1Reader
from autotune.workload.readers.cline import ClineReader
from autotune.workload.readers.cline_records import CompactionState, UiLog, metrics_of
from autotune.workload.writer import write_capture

FIXTURES = Path(__file__).parents[1] / "fixtures"
HISTORY = FIXTURES / "cline-small" / "api_conversation_history.json"
STORED = FIXTURES / "cline-session-small.messages.json"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(ClineReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def contents(session: Session, turn: int) -> list[Any]:
    return [message.get("content") for message in session.turns[turn].messages]


def test_the_extensions_history() -> None:
    (session,), damage = read(HISTORY)
    assert (session.session_id, damage) == ("cline-cline-small", ())
    assert [len(turn.messages) for turn in session.turns] == [1, 4, 6, 5]
    assert {turn.fidelity.missing for turn in session.turns} == {("system", "tools")}
    first = session.turns[0]
    assert first.recorded == Recorded(18000, 0, 40, latency_ms=4000.0, model="made-up-1")
    assert first.response is not None
    assert first.response["reasoning_content"] == "Look first."
    assert first.response == session.turns[1].messages[1]


def test_counts_come_from_the_message_else_from_the_user_interface() -> None:
    (session,), _ = read(HISTORY)
    assert [turn.recorded.prompt_tokens for turn in session.turns] == [18000, 18100, None, 17150]
    assert [turn.recorded.cached_tokens for turn in session.turns] == [0, 17990, None, 17000]
    assert [turn.output_tokens for turn in session.turns] == [40, 12, None, 9]


def test_what_a_truncation_left_out_is_not_in_the_prompt() -> None:
    (session,), _ = read(HISTORY)
    last = session.turns[3]
    assert (last.boundary, last.keep) == (Boundary.EDIT, 2)
    assert contents(session, 3)[2:] == [
        "Change it.\n<environment_details>\n# Current Mode\nACT MODE\n</environment_details>",
        "[Response interrupted by user]",
        "Go on.\n<environment_details>\n# Current Mode\nACT MODE\n</environment_details>",
    ]


def test_times() -> None:
    (session,), _ = read(HISTORY)
    start = 1772359200000.0
    assert [(t.timestamp_ms or 0) - start for t in session.turns] == [10e3, 16e3, 30e3, 40e3]
    assert [turn.delay_ms for turn in session.turns] == [None, 2000.0, 10000.0, 9000.0]


def test_a_session_file_holds_the_system_prompt() -> None:
    (session,), damage = read(STORED)
    assert (session.session_id, session.parent, damage) == ("1772359200000_add", None, ())
    assert {turn.fidelity.missing for turn in session.turns} == {("tools",)}
    assert session.turns[0].messages[0] == {"role": "system", "content": "You fix adders."}
    result = '[{"query":"adder.py","result":"1 | return a - b","success":true}]'
    assert contents(session, 1)[3] == result


def test_a_sum_over_a_run_is_no_count_of_a_request() -> None:
    """The second reply has the counts of both; the third run has one request."""
    (session,), _ = read(STORED)
    assert [turn.recorded.prompt_tokens for turn in session.turns] == [None, None, 5200]
    assert [turn.recorded.model for turn in session.turns] == ["made-up-1"] * 3
    assert [turn.output_tokens for turn in session.turns] == [None, None, 20]


def with_state(folder: Path, replaces: Any) -> Path:
    path = folder / "s.messages.json"
    shutil.copy(STORED, path)
    summary = {"role": "user", "content": [{"type": "text", "text": "It subtracts."}]}
    state = {"version": 1, "source_message_count": replaces, "messages": [summary, {"role": 3}]}
    (folder / "s.compaction.json").write_text(json.dumps(state))
    return path


@pytest.mark.parametrize("replaces", [4, 5])
def test_a_compaction_stands_for_what_it_replaced(tmp_path: Path, replaces: int) -> None:
    (session,), damage = read(with_state(tmp_path, replaces))
    change = ['<user_input mode="act">Change it.</user_input>'][replaces - 4 :]
    assert contents(session, 2) == ["You fix adders.", "It subtracts.", *change]
    boundaries = [turn.boundary for turn in session.turns]
    assert boundaries == [None, None, Boundary.COMPACTION]
    assert session.turns[2].keep == 1
    assert [d.kind for d in damage] == ["wrong-schema"]


@pytest.mark.parametrize("replaces", [0, 6, 99, None, "4"])
def test_a_compaction_after_the_last_request_changes_nothing(tmp_path: Path, replaces: Any) -> None:
    (session,), _ = read(with_state(tmp_path, replaces))
    assert [turn.boundary for turn in session.turns] == [None] * 3


def test_a_sub_agents_file_lies_in_its_parents_folder(tmp_path: Path) -> None:
    stored = json.loads(STORED.read_text()) | {"agent": "subagent", "sessionId": "child"}
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "child.messages.json").write_text(json.dumps(stored))
    (session,) = load_workload(tmp_path).sessions
    assert (session.session_id, session.parent) == ("child", "root")
    assert session.turns[0].boundary is Boundary.SUBAGENT


def test_what_is_beside_a_history_is_no_capture(tmp_path: Path) -> None:
    shutil.copytree(HISTORY.parent, tmp_path / "1772359200000")
    workload = load_workload(tmp_path)
    assert workload.formats == ("cline",)
    assert [(d.kind, d.detail) for d in workload.damage] == [
        ("skipped-file", "1772359200000/ui_messages.json")
    ]


def test_claims() -> None:
    claims = ClineReader().claims_document
    assert claims(json.loads(HISTORY.read_text()))
    assert claims(json.loads(STORED.read_text()))
    said = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    assert not claims([said])
    assert not claims([{"role": "system", "content": "<task>"}, said])
    assert not claims({"version": "1", "sessionId": "s", "messages": [said]})
    assert not claims({"version": 1, "sessionId": "s", "messages": []})
    assert not claims({"version": 1, "sessionId": "s", "messages": [{"role": "user"}]})
    odd: list[Any] = [None, 3, "x", [], [None], {}]
    for other in odd:
        assert not claims(other)


def test_a_message_of_another_shape_is_counted(tmp_path: Path) -> None:
    stored = json.loads(HISTORY.read_text())
    stored[2]["content"] = [{"no": "type"}]
    path = tmp_path / HISTORY.name
    path.write_text(json.dumps(stored))
    (session,), damage = read(path)
    assert [(d.kind, d.first_line) for d in damage] == [("wrong-schema", 3)]
    assert len(session.turns) == 4


def test_metrics() -> None:
    assert metrics_of({"metrics": {"tokens": {"prompt": 0, "completion": 0}}}) == Recorded()
    inclusive = {"inputTokens": 24067, "outputTokens": 193, "cacheReadTokens": 18432}
    assert metrics_of({"metrics": inclusive}) == Recorded(24067, 18432, 193)
    assert metrics_of({"metrics": [], "modelInfo": {"id": 3}}) == Recorded()


def test_the_user_interfaces_log() -> None:
    log = UiLog.of(json.loads((HISTORY.parent / "ui_messages.json").read_text()))
    started = log.request(5, 7)
    assert started is not None
    assert started.recorded == Recorded(17150, 17000, 9)
    assert log.request(6, 7) is None
    assert [log.left_out(place) for place in (-2, 5, 6, 9)] == [None, None, (2, 3), (2, 3)]
    for other in (None, [3], [{"conversationHistoryIndex": True}], {"a": 1}):
        assert UiLog.of(other).left_out(0) is None
    assert CompactionState.of([]) is None


@pytest.mark.parametrize("fixture", [HISTORY, STORED], ids=lambda path: path.name)
def test_the_way_through_capture_1(fixture: Path, tmp_path: Path) -> None:
    sessions, _ = read(fixture)
    write_capture(sessions, tmp_path / "out.jsonl")
    file = CaptureFile(tmp_path / "out.jsonl", "out.jsonl")
    assert list(Capture1Reader().read(file, DamageLedger())) == sessions


_ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 2**70, 1e308, "", "x", [], {}, [None], {"": {}}, [[[]]]]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_at_any_key(tmp_path: Path, data: st.DataObject) -> None:
    names = ("api_conversation_history.json", "ui_messages.json")
    for name in names:
        stored = json.loads((HISTORY.parent / name).read_text())
        for message in stored:
            if data.draw(st.booleans()):
                message[data.draw(st.sampled_from(sorted(message)))] = data.draw(_ODD)
        (tmp_path / name).write_text(json.dumps(stored))
    sessions, _ = read(tmp_path / names[0])
    write_capture(sessions, tmp_path / "out.jsonl", force=True)
