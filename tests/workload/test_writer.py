from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.workload.load import load_workload
from autotune.workload.model import (
    Boundary,
    Fidelity,
    PromptFidelity,
    Recorded,
    Session,
    Turn,
)
from autotune.workload.prefix import common_prefix
from autotune.workload.writer import encode_line, manifest_files, write_capture

NAMES = ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "folder"]

text = st.text(max_size=12)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(text, json_values, max_size=3)
messages = st.builds(
    lambda role, content, more: {**more, "role": role, "content": content},
    st.sampled_from(["system", "user", "assistant", "tool"]),
    text,
    objects,
)
counts = st.none() | st.integers(0, 10**9)
spans = st.none() | st.floats(0, 1e12)
recorded = st.builds(
    Recorded, counts, counts, counts, counts, spans, spans, st.none() | text, st.none() | text
)
fidelities = st.builds(
    Fidelity,
    st.sampled_from(PromptFidelity),
    st.lists(text, max_size=2).map(tuple),
    st.integers(0, 9),
)
tool_lists = st.lists(objects, max_size=2).map(tuple)
extras = st.dictionaries(st.sampled_from(["x", "y-z", "é"]), json_values, max_size=2)


@st.composite
def sessions(draw: st.DrawFn, name: str = "s") -> Session:
    pool = draw(st.lists(messages, min_size=1, max_size=5))
    toolsets = draw(st.lists(tool_lists, min_size=1, max_size=2))
    index, before, turns = draw(st.integers(0, 3)), (), []
    for _ in range(draw(st.integers(1, 4))):
        prompt = tuple(draw(st.lists(st.sampled_from(pool), max_size=5)))
        turns.append(
            Turn(
                session_id=name,
                index=index,
                messages=prompt,
                keep=common_prefix(before, prompt),
                tools=draw(st.sampled_from(toolsets)),
                params=draw(objects),
                output_tokens=draw(counts),
                timestamp_ms=draw(spans),
                delay_ms=draw(spans),
                response=draw(st.none() | messages),
                recorded=draw(recorded),
                boundary=draw(st.none() | st.sampled_from(Boundary)),
                fidelity=draw(fidelities),
                origin=draw(objects),
                extra=draw(extras),
            )
        )
        before = prompt
        index += draw(st.sampled_from([1, 1, 2]))
    return Session(name, tuple(turns), draw(st.none() | text.filter(bool)))


def as_json(session: Session) -> str:
    """Everything about a session, with key order: equality of mappings does not see that."""
    return json.dumps([[t.messages, t.tools, t.response, t.params] for t in session.turns])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(session=sessions())
def test_a_session_comes_back_as_it_was(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_capture([session], path, force=True)
    (back,) = load_workload(path).sessions
    assert back == session
    assert as_json(back) == as_json(session)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=sessions("one"), second=sessions("two"), name=st.sampled_from(NAMES))
def test_every_kind_of_output_comes_back(
    first: Session, second: Session, name: str, tmp_path: Path
) -> None:
    assert write_capture([first, second], tmp_path / name, force=True) == 2
    back = {s.session_id: s for s in load_workload(tmp_path / name).sessions}
    assert back == {"one": first, "two": second}


def chat(*texts: str) -> tuple[dict[str, Any], ...]:
    return tuple({"role": "user", "content": text} for text in texts)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_lines_hold_what_changed(tmp_path: Path) -> None:
    tools = ({"name": "read"},)
    one = Turn("s", 0, chat("a", "b"), tools=tools, params={"temperature": 0.5})
    two = Turn("s", 1, chat("a", "b", "c"), keep=2, tools=tools, params={"temperature": 0.5})
    three = Turn("s", 2, chat("a", "d"), keep=1, params={})
    four = Turn("s", 3, chat("a", "d"), keep=2, tools=tools, params={})
    write_capture([Session("s", (one, two, three, four))], tmp_path / "a.jsonl")
    first, second, third, fourth = lines(tmp_path / "a.jsonl")
    assert (first["keep"], first["append"]) == (0, list(one.messages))
    assert first["tools"] == list(tools)
    assert first["params"] == {"temperature": 0.5}
    assert (second["keep"], second["append"]) == (2, list(chat("c")))
    assert not {"tools", "tools_ref", "params"} & set(second)
    assert (third["keep"], third["append"], third["tools"], third["params"]) == (
        1,
        list(chat("d")),
        [],
        {},
    )
    assert (fourth["append"], fourth["tools_ref"]) == ([], first["tools_ref"])
    assert "tools" not in fourth


def test_the_same_sessions_give_the_same_bytes(
    tmp_path: Path, make_session: Callable[..., Session]
) -> None:
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
        write_capture([make_session("s", [1, 2])], tmp_path / name)
        first = (tmp_path / name).read_bytes()
        write_capture([make_session("s", [1, 2])], tmp_path / name, force=True)
        assert (tmp_path / name).read_bytes() == first


def test_a_lone_surrogate_survives() -> None:
    line = encode_line({"a": "\ud800", "b": "é"})
    assert json.loads(line) == {"a": "\ud800", "b": "é"}
    assert encode_line({"b": "é"}) == '{"b":"é"}\n'.encode()


def test_a_folder_has_a_manifest(tmp_path: Path, make_session: Callable[..., Session]) -> None:
    made = [make_session("my/odd id", [5, 9]), make_session("b", [7])]
    write_capture(made, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest == {
        "schema": "capture-manifest/1",
        "sessions": [
            {
                "session_id": "my/odd id",
                "parent": None,
                "file": "0001-my-odd-id.jsonl.zst",
                "turns": 2,
                "timestamp": 0.0,
            },
            {
                "session_id": "b",
                "parent": None,
                "file": "0002-b.jsonl.zst",
                "turns": 1,
                "timestamp": 0.0,
            },
        ],
    }
    assert manifest_files(tmp_path / "out") == (
        "0001-my-odd-id.jsonl.zst",
        "0002-b.jsonl.zst",
    )


def test_replacing_a_folder_leaves_no_old_session(
    tmp_path: Path, make_session: Callable[..., Session]
) -> None:
    out = tmp_path / "out"
    write_capture([make_session("a", [1]), make_session("b", [1])], out)
    (out / "notes.txt").write_text("mine")
    write_capture([make_session("c", [1])], out, force=True)
    assert sorted(path.name for path in out.iterdir()) == [
        "0001-c.jsonl.zst",
        "manifest.json",
        "notes.txt",
    ]


def test_a_foreign_manifest_lists_nothing(tmp_path: Path) -> None:
    assert manifest_files(tmp_path) == ()
    for document in ("[1]", "{", '{"schema":"other"}', '{"schema":"capture-manifest/1"}'):
        (tmp_path / "manifest.json").write_text(document)
        assert manifest_files(tmp_path) == ()


@pytest.mark.parametrize("name", ["a.jsonl", "out"])
def test_what_is_there_stays_without_force(
    tmp_path: Path, name: str, make_session: Callable[..., Session]
) -> None:
    write_capture([make_session("a", [1])], tmp_path / name)
    with pytest.raises(UserError, match="already there") as caught:
        write_capture([make_session("b", [1])], tmp_path / name)
    assert "--force" in caught.value.hint
    assert load_workload(tmp_path / name).sessions[0].session_id == "a"


def test_names_that_cannot_be_written(tmp_path: Path, make_session: Callable[..., Session]) -> None:
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "d.jsonl").mkdir()
    for name, reason in (("file.txt", "is a file"), ("d.jsonl", "is a directory")):
        with pytest.raises(UserError, match=reason):
            write_capture([make_session("a", [1])], tmp_path / name, force=True)
    with pytest.raises(UserError, match="cannot write"):
        write_capture([make_session("a", [1])], tmp_path / "file.txt" / "a.jsonl")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_an_error_leaves_nothing_behind(
    tmp_path: Path, name: str, make_session: Callable[..., Session]
) -> None:
    def broken() -> Iterator[Session]:
        yield make_session("a", [1])
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_capture(broken(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []
