from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Message, Session, Turn
from autotune.workload.repeats import RepeatedRequests
from autotune.workload.writer import write_capture


def session(name: str, ids: Sequence[str | None], parent: str | None = None) -> Session:
    """A session with a turn for each request id; each prompt adds a message."""
    said: list[Message] = [{"role": "user", "content": f"message {i}"} for i in range(len(ids))]
    turns = [
        Turn(
            session_id=name,
            index=index,
            messages=tuple(said[: index + 1]),
            keep=index,
            origin={"format": "made-up"} | ({"request_id": known} if known else {}),
        )
        for index, known in enumerate(ids)
    ]
    return Session(name, tuple(turns), parent)


def test_a_session_of_its_own_is_left_alone() -> None:
    repeats = RepeatedRequests()
    first, second = session("a", ["r1", "r2"]), session("b", ["r3", None])
    assert repeats.without(first) is first
    assert repeats.without(second) is second


def test_requests_without_an_id_are_never_the_same() -> None:
    repeats = RepeatedRequests()
    assert repeats.without(session("a", [None])) is not None
    assert repeats.without(session("b", [None])) is not None


def test_a_resumed_session_keeps_what_is_new_with_its_history() -> None:
    repeats = RepeatedRequests()
    repeats.without(session("a", ["r1", "r2"]))
    resumed = repeats.without(session("b", ["r1", "r2", "r3", "r4"]))
    assert resumed is not None
    assert [(t.index, t.keep, t.boundary) for t in resumed.turns] == [
        (0, 0, Boundary.RESUME),
        (1, 3, None),
    ]
    assert [len(turn.messages) for turn in resumed.turns] == [3, 4]


def test_a_sub_agent_that_began_with_its_parents_requests_is_a_fork() -> None:
    repeats = RepeatedRequests()
    repeats.without(session("a", ["r1"]))
    forked = repeats.without(session("a/agent", ["r1", "r2"], parent="a"))
    assert forked is not None
    assert [turn.boundary for turn in forked.turns] == [Boundary.FORK]


def test_nothing_but_copies_is_no_session() -> None:
    repeats = RepeatedRequests()
    repeats.without(session("a", ["r1", "r2"]))
    assert repeats.without(session("b", ["r2", "r1"])) is None


def test_a_folder_with_a_copy_tells_each_request_once(tmp_path: Path) -> None:
    write_capture([session("a", ["r1", "r2"])], tmp_path / "a.jsonl")
    write_capture([session("b", ["r1", "r2", "r3"])], tmp_path / "b.jsonl")
    workload = load_workload(tmp_path)
    assert [(s.session_id, len(s.turns)) for s in workload.sessions] == [("a", 2), ("b", 1)]
    (damage,) = workload.damage
    assert (damage.kind, damage.file, damage.harmless) == ("repeated-requests", "b.jsonl", True)
    assert damage.detail == "2 of 3 turns, read elsewhere"
