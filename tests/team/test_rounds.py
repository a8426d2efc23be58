"""A round is done by one worker, and taken over when he is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from autotune.team.rounds import Rounds, wait_until

if TYPE_CHECKING:
    from optuna import Study

Opened = Callable[[str], "Study"]


@pytest.fixture
def pair(opened: Opened) -> tuple[Rounds, Rounds]:
    return Rounds.of(opened("w1"), "w1"), Rounds.of(opened("w2"), "w2")


def lose(rounds: Rounds, lost: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rounds` finds out that whoever holds a round of `lost` gives no sign of life."""
    storage = rounds.study._storage
    numbers = [trial_id for trial_id, _ in lost._held.values()]
    monkeypatch.setattr(storage._backend, "_get_stale_trial_ids", lambda _: numbers)  # type: ignore[attr-defined]


def test_one_of_two_gets_it_and_the_other_reads_what_came_of_it(
    pair: tuple[Rounds, Rounds],
) -> None:
    first, second = pair
    assert first.claim("confirm-0007")
    assert not second.claim("confirm-0007")
    assert second.is_claimed("confirm-0007")
    assert second.result("confirm-0007") is None
    assert first.complete("confirm-0007", {"result": {"winner": 3}})
    found = second.result("confirm-0007")
    assert found is not None
    assert (found["result"], found["by"]) == ({"winner": 3}, "w1")
    assert not second.claim("confirm-0007")
    assert second.last_by("confirm-") == "w1"


def test_of_many_that_ask_at_the_same_moment_one_gets_it(opened: Opened) -> None:
    rounds = [Rounds.of(opened(f"w{n}"), f"w{n}") for n in range(6)]
    with ThreadPoolExecutor(len(rounds)) as pool:
        got = list(pool.map(lambda one: one.claim("confirm-0007"), rounds))
    assert sum(got) == 1
    for one in rounds:
        one.close()


def test_a_round_that_is_given_up_is_free(pair: tuple[Rounds, Rounds]) -> None:
    first, second = pair
    assert first.claim("check-0001")
    first.give_up("check-0001")
    assert second.claim("check-0001")
    assert second.complete("check-0001")


def test_a_worker_that_ends_leaves_what_it_had(pair: tuple[Rounds, Rounds]) -> None:
    first, second = pair
    assert first.claim("a")
    assert first.held() == ["a"]
    first.close()
    assert not first.held()
    assert second.claim("a")
    second.close()


def test_a_lost_worker_s_round_is_taken_over_and_its_end_counts_no_more(
    pair: tuple[Rounds, Rounds], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    assert first.claim("confirm-0007")
    lose(second, first, monkeypatch)
    assert second.claim("confirm-0007")
    assert not first.complete("confirm-0007", {"result": "late"})
    assert second.complete("confirm-0007", {"result": "good"})
    found = first.result("confirm-0007")
    assert found is not None
    assert found["result"] == "good"


def test_what_the_first_one_notes_stands(pair: tuple[Rounds, Rounds]) -> None:
    first, second = pair
    assert second.noted("identity") is None
    assert first.note("identity", {"engine": "b1"})["engine"] == "b1"
    assert second.note("identity", {"engine": "b2"})["engine"] == "b1"
    assert second.noted("identity") == first.noted("identity")


def test_waiting_ends_with_its_condition_or_with_the_user() -> None:
    stop, looks = threading.Event(), iter([False, False, True])
    assert wait_until(lambda: next(looks), stop, poll_s=0.001)
    stop.set()
    assert not wait_until(lambda: False, stop, poll_s=0.001)
