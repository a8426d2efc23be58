"""Mooncake and kv-cache-tester exports: the shape comes back, and nothing else leaves."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from autotune.workload.formats import FORMATS
from autotune.workload.formats.base import Written
from autotune.workload.formats.mooncake_hash import MOONCAKE_HASH
from autotune.workload.formats.weka_hash import WEKA_HASH
from autotune.workload.load import load_workload
from autotune.workload.model import Session, Turn
from autotune.workload.synthesize import SynthesisSpec, synthesize


def export(form: str, sessions: list[Session], out: Path, salt: bytes = b"salt") -> Written:
    return FORMATS[form].write(sessions, out, salt)


def test_mooncake_rows(sessions: list[Session], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    written = MOONCAKE_HASH.write(sessions, out, b"salt")
    assert (written.sessions, written.turns) == (2, 4)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["timestamp"] for row in rows] == [0, 500, 1000, 2000]
    assert [row["input_length"] for row in rows] == [700, 650, 1500, 1500]
    assert [len(row["hash_ids"]) for row in rows] == [2, 2, 3, 3]
    assert set(rows[0]) == {"timestamp", "input_length", "output_length", "hash_ids"}
    assert rows[2]["hash_ids"] == rows[3]["hash_ids"]


def test_rows_without_times_come_last_and_have_none(
    sessions: list[Session], tmp_path: Path
) -> None:
    timeless = Session("t", (Turn("t", 0, ({"role": "user", "content": "x"},)),))
    out = tmp_path / "out.jsonl"
    MOONCAKE_HASH.write([timeless, *sessions], out, b"salt")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert set(rows[-1]) == {"input_length", "hash_ids"}


def test_weka_documents(sessions: list[Session], tmp_path: Path) -> None:
    written = WEKA_HASH.write(sessions, tmp_path / "out", b"salt")
    assert (written.sessions, written.turns) == (2, 4)
    (path,) = (tmp_path / "out").iterdir()
    document = json.loads(path.read_text())
    assert document["id"] == path.stem
    assert document["hash_id_scope"] == "global"
    assert 0 < document["tool_tokens"] < document["system_tokens"]
    kinds = [(request["type"], request["t"]) for request in document["requests"]]
    assert kinds == [("s", 0.0), ("subagent", 0.5), ("n", 1.0), ("n", 2.0)]
    first, sub = document["requests"][:2]
    assert (first["in"], first["out"], first["api_time"], first["ttft"]) == (700, 20, 0.9, 0.25)
    assert (sub["agent_id"], sub["requests"][0]["in"]) == ("agent_001", 650)
    assert document["requests"][2]["think_time"] == 0.0995


def test_without_a_clock_requests_follow_each_other(tmp_path: Path) -> None:
    message = {"role": "user", "content": "x"}
    turns = tuple(Turn("s", n, (message,), delay_ms=500.0 if n else None) for n in range(3))
    WEKA_HASH.write([Session("s", turns)], tmp_path / "out", b"salt")
    (path,) = (tmp_path / "out").iterdir()
    assert [r["t"] for r in json.loads(path.read_text())["requests"]] == [0.0, 0.5, 1.0]


def test_parents_that_are_not_there_or_go_in_circles(tmp_path: Path) -> None:
    turns = (Turn("x", 0, ({"role": "user", "content": "x"},)),)
    links = {"a": "b", "b": "a", "c": "c", "d": "gone"}
    made = [Session(name, turns, parent) for name, parent in links.items()]
    written = WEKA_HASH.write(made, tmp_path / "out", b"salt")
    assert written.sessions == 4
    texts = [path.read_text() for path in (tmp_path / "out").iterdir()]
    assert len(texts) == 3
    assert sum(text.count('"in":') for text in texts) == 4


@pytest.mark.parametrize(("form", "name"), [("mooncake-hash", "x.jsonl"), ("weka-hash", "x")])
def test_no_text_leaves(form: str, name: str, sessions: list[Session], tmp_path: Path) -> None:
    export(form, sessions, tmp_path / name)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    told = " ".join(path.name + path.read_text() for path in files)
    for secret in ("brief", "agent a", "agent-a", "model-a", "read", "home", "salt", "1700000"):
        assert secret not in told


@pytest.mark.parametrize(("form", "name"), [("mooncake-hash", "x.jsonl"), ("weka-hash", "x")])
def test_the_shape_comes_back(form: str, name: str, tmp_path: Path) -> None:
    spec = SynthesisSpec(sessions=2, turns=6, depth=9000, reply_tokens=60)
    made = synthesize(spec)
    export(form, made, tmp_path / name)
    back = load_workload(tmp_path / name)
    assert back.damage == ()
    assert sorted(len(s.turns) for s in back.sessions) == [6, 6]
    for session in back.sessions:
        assert all(b.keep == len(a.messages) for a, b in pairwise(session.turns))
    lengths = sorted(turn.output_tokens or 0 for turn in back.turns)
    assert lengths == sorted(turn.output_tokens or 0 for s in made for turn in s.turns)
