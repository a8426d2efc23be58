"""A conversation told once becomes the requests that were sent."""

from __future__ import annotations

from autotune.workload.model import Boundary, Message, PromptFidelity, Recorded
from autotune.workload.readers.rebuild import SessionBuilder


def said(role: str, text: str) -> Message:
    return {"role": role, "content": text}


def builder(**more: object) -> SessionBuilder:
    return SessionBuilder("s", "made-up", "sha256:0", **more)  # type: ignore[arg-type]


def test_each_request_carries_all_that_was_said_before_it_as_the_same_objects() -> None:
    made = builder(missing=("system",))
    made.say(said("user", "one"))
    made.request(line=2, recorded=Recorded(prompt_tokens=10), output_tokens=3)
    made.say(said("assistant", "two"))
    made.say(said("user", "three"))
    made.request(line=5, missing=("thinking", "system"))
    session = made.session()
    assert session is not None
    first, second = session.turns
    assert [m["content"] for m in second.messages] == ["one", "two", "three"]
    assert second.messages[0] is first.messages[0]
    assert (first.keep, second.keep) == (0, 1)
    assert (first.index, second.index) == (0, 1)
    assert first.fidelity.missing == ("system",)
    assert second.fidelity.missing == ("system", "thinking")
    assert second.fidelity.prompt is PromptFidelity.REBUILT
    assert second.origin == {"format": "made-up", "file": "sha256:0", "line": 5}


def test_an_edit_is_a_boundary_of_the_next_request_alone() -> None:
    made = builder()
    made.say(said("user", "one"))
    made.request(line=1)
    made.replace([said("user", "summary")], Boundary.COMPACTION)
    made.request(line=2)
    made.say(said("user", "more"))
    made.request(line=3)
    assert [t.boundary for t in made.turns] == [None, Boundary.COMPACTION, None]
    assert [t.keep for t in made.turns] == [0, 0, 1]


def test_without_messages_there_is_no_request_and_without_requests_no_session() -> None:
    made = builder()
    made.request(line=1)
    assert made.session() is None
