"""AIPerf's request bodies and trace rows."""

from __future__ import annotations

import json
from pathlib import Path

from autotune.workload.formats.aiperf import AIPERF_MOONCAKE, RAW_PAYLOAD, body, trace_row
from autotune.workload.model import Session, Turn


def test_a_body_is_the_request(sessions: list[Session]) -> None:
    turn = sessions[0].turns[0]
    assert body(turn) == {
        "model": "model-a",
        "messages": list(turn.messages),
        "tools": list(turn.tools),
        "temperature": 0.5,
        "max_tokens": 900,
    }
    assert list(body(turn))[:3] == ["model", "messages", "tools"]
    assert body(Turn("s", 0, (), params={"messages": 1, "n": 2})) == {"messages": [], "n": 2}


def test_one_file_a_session_in_the_order_of_names(sessions: list[Session], tmp_path: Path) -> None:
    RAW_PAYLOAD.write(sessions, tmp_path / "out", b"")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["0001-agent-a-b.jsonl", "0002-sub.jsonl"]
    lines = (tmp_path / "out" / names[0]).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [body(turn) for turn in sessions[0].turns]


def test_trace_rows_have_whole_milliseconds(sessions: list[Session], tmp_path: Path) -> None:
    first, second, _ = (trace_row(turn) for turn in sessions[0].turns)
    assert (first["timestamp"], first["output_length"]) == (1_700_000_000_000, 20)
    assert "delay" not in first
    assert (second["delay"], second["session_id"]) == (100, "agent a/b")
    assert second["extra"] == {"temperature": 0.5, "max_tokens": 900}
    assert trace_row(Turn("s", 0, ())) == {"session_id": "s", "messages": []}
    written = AIPERF_MOONCAKE.write(sessions, tmp_path / "out.jsonl", b"")
    assert (written.sessions, written.turns) == (2, 4)
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 4
