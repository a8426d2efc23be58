"""Trees of lines as lists of messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.model import Boundary, Message
from autotune.workload.readers.branch_path import BranchPath
from autotune.workload.readers.rebuild import SessionBuilder


def path() -> BranchPath:
    return BranchPath(SessionBuilder("s", "made-up", "sha256:0"))


def word(text: str) -> Message:
    return {"role": "user", "content": text}


def texts(way: BranchPath) -> str:
    return "".join(message["content"] for message in way.made.messages)


def test_going_back_is_an_edit_and_going_on_is_not() -> None:
    way = path()
    way.add("a", [word("a")])
    way.add("b", [word("b")])
    assert way.go_to("b")
    way.made.request(line=1)
    assert way.go_to("a")
    way.add("c", [word("c")])
    way.made.request(line=2)
    assert texts(way) == "ac"
    assert [turn.boundary for turn in way.made.turns] == [None, Boundary.EDIT]
    assert way.made.turns[1].keep == 1


def test_lines_that_say_nothing_are_no_edit() -> None:
    way = path()
    way.add("a", [word("a")])
    way.add("note")
    way.go_to("a")
    way.add("b", [word("b")])
    way.made.request(line=1)
    assert way.made.turns[0].boundary is None


def test_what_replaced_all_is_the_beginning_of_its_branch_only() -> None:
    way = path()
    way.add("a", [word("a")])
    way.replace("sum", [word("s")])
    way.add("b", [word("b")])
    assert texts(way) == "sb"
    way.go_to("a")
    assert texts(way) == "a"
    way.go_to("b")
    assert (texts(way), way.way()) == ("sb", ["a", "sum", "b"])


def test_an_unknown_line_changes_nothing_and_a_name_is_given_once() -> None:
    way = path()
    way.add("a", [word("a")])
    assert not way.go_to("z")
    way.add("a", [word("b")])
    assert texts(way) == "ab"
    way.go_to("a")
    assert texts(way) == "a"


@given(st.lists(st.integers(min_value=-1, max_value=20), max_size=20))
def test_the_messages_are_always_those_on_the_way(parents: list[int]) -> None:
    way, expected = path(), {-1: ""}
    for name, parent in enumerate(parents):
        known = parent if parent in expected else -1
        way.go_to(None if known == -1 else str(known))
        way.add(str(name), [word(f"{name},")])
        expected[name] = f"{expected[known]}{name},"
        assert texts(way) == expected[name]
