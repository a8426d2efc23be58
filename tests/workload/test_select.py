from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.errors import UserError
from autotune.workload.load import workload_of
from autotune.workload.model import Session, Workload
from autotune.workload.select import Selection, SelectionNotes, select


@pytest.fixture
def workload(make_session: Callable[..., Session]) -> Workload:
    return workload_of(
        [
            make_session("deep", [10, 200, 3_000, 100]),
            make_session("middle", [20, 300]),
            make_session("shallow", [30, 40, 50]),
        ],
        ("made",),
    )


def kept(workload: Workload) -> dict[str, int]:
    return {session.session_id: len(session.turns) for session in workload.sessions}


def test_nothing_asked_keeps_all(workload: Workload) -> None:
    chosen, notes = select(workload, Selection())
    assert chosen == workload
    assert notes == SelectionNotes(turns=9, deepest_tokens=3_000)


def test_a_session_ends_before_its_first_turn_out_of_reach(workload: Workload) -> None:
    chosen, notes = select(workload, Selection(max_depth=250))
    assert kept(chosen) == {"deep": 2, "middle": 1, "shallow": 3}
    assert notes.unreachable_turns == 2 + 1
    assert notes.truncated_sessions == ("deep", "middle")
    assert notes.deepest_tokens == 200
    assert chosen.digest != workload.digest


def test_a_limit_is_itself_within_reach(workload: Workload) -> None:
    chosen, notes = select(workload, Selection(max_depth=3_000))
    assert (kept(chosen)["deep"], notes.unreachable_turns) == (4, 0)


def test_a_session_with_no_turn_in_reach_is_named(workload: Workload) -> None:
    chosen, notes = select(workload, Selection(max_depth=25))
    assert kept(chosen) == {"deep": 1, "middle": 1}
    assert notes.dropped_sessions == (("shallow", "unreachable"),)
    assert notes.unreachable_turns == 3 + 1 + 3


def test_only_deep_sessions(workload: Workload) -> None:
    chosen, notes = select(workload, Selection(min_depth=300))
    assert kept(chosen) == {"deep": 4, "middle": 2}
    assert notes.dropped_sessions == (("shallow", "too-shallow"),)


def test_depth_counts_only_what_is_reachable(workload: Workload) -> None:
    with pytest.raises(UserError, match="reaches 500") as caught:
        select(workload, Selection(min_depth=500, max_depth=400))
    assert "deeper workload" in caught.value.hint


def test_the_deepest_few_in_their_own_order(
    workload: Workload, make_session: Callable[..., Session]
) -> None:
    chosen, notes = select(workload, Selection(max_sessions=2))
    assert list(kept(chosen)) == ["deep", "middle"]
    assert notes.dropped_sessions == (("shallow", "over-limit"),)


def test_the_first_turns(workload: Workload) -> None:
    chosen, notes = select(workload, Selection(max_turns=2))
    assert kept(chosen) == {"deep": 2, "middle": 2, "shallow": 2}
    assert (notes.turns_over_limit, notes.turns) == (3, 6)


def test_named_sessions(workload: Workload) -> None:
    chosen, notes = select(workload, Selection(sessions=("middle",)))
    assert kept(chosen) == {"middle": 2}
    assert [why for _, why in notes.dropped_sessions] == ["not-named", "not-named"]
    assert chosen.formats == ("made",)


def test_a_misspelt_session_is_an_error(workload: Workload) -> None:
    with pytest.raises(UserError, match="no session 'midle'") as caught:
        select(workload, Selection(sessions=("midle",)))
    assert caught.value.hint == "did you mean middle?"
    with pytest.raises(UserError) as caught:
        select(workload, Selection(sessions=("xyz",)))
    assert caught.value.hint == "sessions here: deep, middle, shallow"


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(max_depth=5), "no session has a turn within 5 prompt tokens"),
        (Selection(max_depth=0), "max_depth is 0"),
        (Selection(max_turns=-1), "max_turns is -1"),
        (Selection(sessions=()), "leaves no session"),
    ],
)
def test_what_leaves_nothing_is_an_error(
    workload: Workload, selection: Selection, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        select(workload, selection)


def test_estimates_are_counted(make_session: Callable[..., Session]) -> None:
    workload = workload_of([make_session("a", [None, None]), make_session("b", [5])])
    _, notes = select(workload, Selection())
    assert (notes.turns, notes.estimated_turns) == (3, 2)
