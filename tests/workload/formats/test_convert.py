"""Every format: complete, repeatable, and the same requests when read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.cli.captures import CapturesConvert
from autotune.errors import UserError
from autotune.workload.formats import FORMATS, Format, Place
from autotune.workload.formats.convert import format_named, write_as
from autotune.workload.load import load_workload
from autotune.workload.model import Message, Session, Turn
from autotune.workload.synthesize import SynthesisSpec, synthesize

WITH_TEXT = ("capture/1", "agentperf", "aiperf-raw-payload", "aiperf-mooncake", "otel")


def output(folder: Path, form: Format) -> Path:
    return folder / ("out" if form.place is Place.FOLDER else "out.jsonl")


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {str(file.relative_to(path.parent)): file.read_bytes() for file in files}


def full(message: Message) -> Message:
    return {key: value for key, value in message.items() if value not in (None, "")}


def requests(sessions: list[Session]) -> list[Any]:
    """Messages and tools of every turn, session by session, in the order of their text.

    A message that says nothing besides its calls says so by an empty content, or none.
    """
    told = [[[list(map(full, t.messages)), list(t.tools)] for t in s.turns] for s in sessions]
    return sorted(told, key=repr)


def test_the_command_line_offers_every_format() -> None:
    field = CapturesConvert.model_fields["to"]
    assert field.annotation is not None
    assert field.annotation.__args__ == tuple(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_sessions_and_salt_give_the_same_bytes(
    name: str, sessions: list[Session], tmp_path: Path
) -> None:
    form = FORMATS[name]
    salt = "pepper" if form.salted else None
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        write_as(form, sessions, output(folder, form), salt=salt)
    assert contents(output(one, form)) == contents(output(two, form))
    assert not [p for p in tmp_path.rglob("*") if p.name.endswith(".part")]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_there_is_only_replaced_when_asked(
    name: str, sessions: list[Session], tmp_path: Path
) -> None:
    form = FORMATS[name]
    out = output(tmp_path, form)
    salt = "pepper" if form.salted else None
    written = write_as(form, sessions, out, salt=salt)
    assert written.sessions == 2
    before = contents(out)
    with pytest.raises(UserError, match="already there"):
        write_as(form, sessions[:1], out, salt=salt)
    assert contents(out) == before
    write_as(form, sessions[:1], out, force=True, salt=salt)
    assert len(contents(out)) <= len(before)
    assert contents(out) != before


@pytest.mark.parametrize("name", FORMATS)
def test_a_writer_that_fails_leaves_nothing_behind(
    name: str, sessions: list[Session], tmp_path: Path
) -> None:
    def broken() -> Iterator[Session]:
        yield from sessions
        raise UserError("the capture is torn", "give another")

    form = FORMATS[name]
    with pytest.raises(UserError, match="torn"):
        write_as(form, broken(), output(tmp_path, form))
    whole = (".part", "out.jsonl", "manifest.json")
    assert [name for name in contents(tmp_path) if name.endswith(whole)] == []


@pytest.mark.parametrize("name", WITH_TEXT)
def test_made_up_sessions_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    form = FORMATS[name]
    spec = SynthesisSpec(sessions=2, turns=4, depth=3000, reply_tokens=20, subagents=1)
    made = synthesize(spec)
    written = write_as(form, made, output(tmp_path, form))
    assert (written.sessions, written.turns, written.left_out) == (
        3,
        sum(len(session.turns) for session in made),
        {},
    )
    back = list(load_workload(output(tmp_path, form)).sessions)
    assert requests(back) == requests(made)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@st.composite
def conversations(draw: st.DrawFn) -> Session:
    """An agent's conversation: calls with arguments as they were typed, and their results."""
    tool = {"type": "function", "function": {"name": "t", "description": draw(TEXT)}}
    messages: list[dict[str, object]] = [
        {"role": "system", "content": draw(TEXT)},
        {"role": "user", "content": draw(TEXT)},
    ]
    turns: list[Turn] = []
    for index in range(draw(st.integers(1, 4))):
        keep = len(turns[-1].messages) if turns else 0
        turns.append(Turn("s", index, tuple(messages), keep, (tool,), timestamp_ms=1e12 + index))
        function = {"name": "t", "arguments": draw(TEXT)}
        call = {"id": f"c{index}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": draw(TEXT), "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{index}", "content": draw(TEXT)})
    return Session("s", tuple(turns))


@pytest.mark.parametrize("name", WITH_TEXT)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(session=conversations())
def test_any_conversation_comes_back_as_it_was(name: str, session: Session, tmp_path: Path) -> None:
    form = FORMATS[name]
    out = output(tmp_path, form)
    write_as(form, [session], out, force=True)
    assert requests(list(load_workload(out).sessions)) == requests([session])


def test_outputs_of_the_wrong_kind(sessions: list[Session], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is one file"):
        write_as(FORMATS["otel"], sessions, tmp_path / "out")
    with pytest.raises(UserError, match="is a folder"):
        write_as(FORMATS["agentperf"], sessions, tmp_path / "out.jsonl")
    (tmp_path / "taken").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        write_as(FORMATS["weka-hash"], sessions, tmp_path / "taken")
    with pytest.raises(UserError, match="cannot write"):
        write_as(FORMATS["otel"], sessions, tmp_path / "taken" / "out.jsonl")


def test_names_and_salts(sessions: list[Session], tmp_path: Path) -> None:
    assert format_named("otel") is FORMATS["otel"]
    with pytest.raises(UserError, match="no format 'x'"):
        format_named("x")
    with pytest.raises(UserError, match="takes no salt"):
        write_as(FORMATS["otel"], sessions, tmp_path / "x.jsonl", salt="s")
    with pytest.raises(UserError, match="salt is empty"):
        write_as(FORMATS["mooncake-hash"], sessions, tmp_path / "x.jsonl", salt="")
