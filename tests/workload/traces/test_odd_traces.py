"""Traces of any JSON at all: sessions and counted damage, never an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Session
from autotune.workload.prefix import common_prefix
from autotune.workload.readers.bailian import BailianReader
from autotune.workload.readers.mooncake import MooncakeReader
from autotune.workload.readers.weka import WekaReader
from autotune.workload.writer import write_capture

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
IDS = st.lists(st.integers(0, 5), max_size=6)
LENGTH = st.sampled_from([0, 1, 5, 16, 40, 64, 96, 700, 1300])
SMALL = st.integers(-1, 4)


def maybe(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what belongs there."""
    return st.one_of(good, good, good, ODD)


ROW = st.fixed_dictionaries(
    {"input_length": maybe(LENGTH), "hash_ids": maybe(IDS)},
    optional={
        "output_length": maybe(LENGTH),
        "timestamp": maybe(SMALL),
        "delay": maybe(SMALL),
        "session_id": maybe(st.sampled_from(["a", "b"])),
        "chat_id": maybe(SMALL),
        "parent_chat_id": maybe(SMALL),
    },
)
REQUEST = st.fixed_dictionaries(
    {"in": maybe(LENGTH), "hash_ids": maybe(IDS)},
    optional={
        key: maybe(SMALL) for key in ("t", "out", "api_time", "think_time", "ttft", "model", "type")
    },
)
AGENT = st.fixed_dictionaries(
    {"type": st.just("subagent"), "requests": maybe(st.lists(REQUEST, max_size=3))},
    optional={key: maybe(SMALL) for key in ("t", "agent_id", "tool_tokens", "system_tokens")},
)
DOCUMENT = st.fixed_dictionaries(
    {
        "block_size": maybe(st.sampled_from([1, 16, 64])),
        "hash_id_scope": maybe(st.sampled_from(["local", "global"])),
        "requests": st.lists(maybe(st.one_of(REQUEST, AGENT)), max_size=6),
    },
    optional={
        "id": maybe(st.just("x")),
        "tool_tokens": maybe(LENGTH),
        "system_tokens": maybe(LENGTH),
    },
)
FUZZED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(sessions: list[Session], folder: Path) -> None:
    """What was read is a capture: prompts with a system message first, told apart truly."""
    for session in sessions:
        earlier: tuple[Any, ...] = ()
        for index, turn in enumerate(session.turns):
            assert turn.index == index
            assert turn.messages[0]["role"] == "system"
            assert all(message["content"] for message in turn.messages)
            assert turn.keep == common_prefix(earlier, turn.messages)
            earlier = turn.messages
    write_capture(sessions, folder / "out.jsonl", force=True)


@pytest.mark.parametrize("reader", [MooncakeReader(), BailianReader()], ids=lambda r: r.name)
@FUZZED
@given(rows=st.lists(ROW, max_size=8))
def test_rows(reader: MooncakeReader | BailianReader, rows: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ledger = DamageLedger()
    sessions = list(reader.read(CaptureFile(path, "x"), ledger))
    read = sum(len(session.turns) for session in sessions)
    assert read + sum(damage.count for damage in ledger.entries()) == len(rows)
    check(sessions, tmp_path)


@FUZZED
@given(document=DOCUMENT)
def test_documents(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document))
    check(list(WekaReader().read(CaptureFile(path, "x"), DamageLedger())), tmp_path)
