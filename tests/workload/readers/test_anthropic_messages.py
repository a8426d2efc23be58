from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Damage, Recorded, Session
from autotune.workload.readers.anthropic_messages import AnthropicMessagesReader
from autotune.workload.readers.capture1 import Capture1Reader
from autotune.workload.writer import write_capture

SMALL = Path(__file__).parents[1] / "fixtures" / "anthropic-messages-small.jsonl"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(AnthropicMessagesReader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def test_bare_bodies_and_pairs_make_one_conversation() -> None:
    (session,), damage = read(SMALL)
    assert [len(turn.messages) for turn in session.turns] == [2, 4, 4, 6]
    assert [turn.keep for turn in session.turns] == [0, 2, 4, 4]
    assert [turn.boundary for turn in session.turns] == [None] * 4
    assert [(d.kind, d.first_line) for d in damage] == [("wrong-schema", 5)]


def test_what_a_pair_says_of_its_reply() -> None:
    (session,), _ = read(SMALL)
    first, failed, retried, last = session.turns
    assert first.recorded == Recorded(
        400, 0, 30, ttft_ms=400.0, latency_ms=2500.0, model="made-up-1"
    )
    assert first.response == retried.messages[2]
    assert (failed.response, failed.origin["error"]) == (None, "overloaded_error")
    assert retried.response == {"role": "assistant", "content": "It subtracts."}
    assert (last.response, last.timestamp_ms) == (None, None)
    assert failed.delay_ms == 2500.0


def test_only_what_no_other_api_takes_is_evidence() -> None:
    claims = AnthropicMessagesReader().claims
    lines: list[dict[str, Any]] = [json.loads(line) for line in SMALL.read_text().splitlines()]
    assert [claims(line) for line in lines] == [True, True, True, True, False]
    said = [{"role": "user", "content": "hi"}]
    assert not claims({"messages": said, "model": "m"})
    assert not claims({"request": {"messages": said}, "response": {}})
    assert claims({"body": {"messages": said, "system": "s"}})
    assert not claims({"seq": 1, "path": "/", "body": {"messages": said, "system": "s"}})


def test_the_way_through_capture_1(tmp_path: Path) -> None:
    sessions, _ = read(SMALL)
    write_capture(sessions, tmp_path / "out.jsonl")
    file = CaptureFile(tmp_path / "out.jsonl", "out.jsonl")
    assert list(Capture1Reader().read(file, DamageLedger())) == sessions
