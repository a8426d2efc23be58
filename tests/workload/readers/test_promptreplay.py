from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Damage, PromptFidelity, Recorded, Session
from autotune.workload.readers.capture1 import Capture1Reader
from autotune.workload.readers.promptreplay import PromptreplayReader
from autotune.workload.writer import write_capture

SMALL = Path(__file__).parents[1] / "fixtures" / "promptreplay-small.jsonl"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(PromptreplayReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def entries() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SMALL.read_text().splitlines()]


def written(folder: Path, lines: list[Any]) -> Path:
    path = folder / "trace.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_side_calls_are_sessions_of_their_own() -> None:
    (main, title), damage = read(SMALL)
    assert (len(main.turns), len(title.turns), damage) == (4, 1, ())
    assert title.turns[0].messages[0]["content"] == "Name the conversation."
    assert {turn.fidelity.prompt for turn in main.turns} == {PromptFidelity.EXACT}


def test_neither_the_cache_mark_nor_the_billing_header_breaks_the_prefix() -> None:
    (main, _), _ = read(SMALL)
    assert [turn.keep for turn in main.turns] == [0, 2, 5, 7]
    assert [turn.boundary for turn in main.turns] == [None] * 4
    system = "x-anthropic-billing-header: cc_version=9.9; cch=00000;\nYou fix adders."
    assert main.turns[3].messages[0] == {"role": "system", "content": system}
    assert [m["role"] for m in main.turns[1].messages] == [
        "system", "user", "assistant", "tool", "system",
    ]  # fmt: skip


def test_the_time_is_that_of_the_end() -> None:
    (main, _), _ = read(SMALL)
    base = 1772359200000.0
    assert [(t.timestamp_ms or 0) - base for t in main.turns] == [2500.0, 7500.0, 19200.0, 22000.0]
    assert [turn.delay_ms for turn in main.turns] == [None, 2500.0, 10200.0, 2000.0]


def test_counts_and_a_call_that_failed() -> None:
    (main, _), _ = read(SMALL)
    assert main.turns[0].recorded == Recorded(
        400, 0, 30, ttft_ms=600.5, latency_ms=2500.0, model="made-up-1"
    )
    assert main.turns[2].recorded == Recorded(latency_ms=800.0, model="made-up-1")
    assert main.turns[2].origin["error"] == "status 529"
    assert [turn.output_tokens for turn in main.turns] == [30, 12, None, 20]
    assert dict(main.turns[0].params) == {"max_tokens": 900}
    assert [tool["function"]["name"] for tool in main.turns[3].tools] == ["Read"]


def test_replies_come_from_the_next_prompt() -> None:
    (main, _), _ = read(SMALL)
    assert main.turns[0].response is main.turns[1].messages[2]
    assert main.turns[1].response == {"role": "assistant", "content": "It subtracts."}
    assert main.turns[2].response is None
    assert main.turns[3].response is None


def test_claims() -> None:
    claims = PromptreplayReader().claims
    assert all(claims(line) for line in entries())
    assert not claims({"seq": 1, "path": "/v1/messages"})
    assert not claims({"seq": 1, "path": 3, "body": {}})
    assert not claims({"seq": 1, "path": "/", "body": []})


def test_lines_of_another_shape_are_counted(tmp_path: Path) -> None:
    lines = [*entries(), {"seq": 6, "path": "/v1/messages", "body": {"messages": "x"}}, {"a": 1}]
    sessions, damage = read(written(tmp_path, lines))
    assert [len(session.turns) for session in sessions] == [4, 1]
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 2, 6)]


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    sessions, _ = read(SMALL)
    write_capture(sessions, tmp_path / "out.jsonl")
    file = CaptureFile(tmp_path / "out.jsonl", "out.jsonl")
    assert list(Capture1Reader().read(file, DamageLedger())) == sessions


_ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 2**70, 1e308, "", "x", [], {}, [None], {"": {}}, [[[]]]]
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_at_any_key(tmp_path: Path, data: st.DataObject) -> None:
    lines = entries()
    for line in lines:
        for part in (line, line["body"], line["response"], line["response"]["usage"]):
            key = data.draw(st.sampled_from(sorted(part)))
            part[key] = data.draw(_ODD)
    sessions, _ = read(written(tmp_path, lines))
    write_capture(sessions, tmp_path / "out.jsonl", force=True)
