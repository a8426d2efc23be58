"""Who is there: other workers, their hosts, and whether they still search."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from optuna.trial import TrialState

from autotune.team.presence import PROVING, SEARCHING, Present, present

if TYPE_CHECKING:
    from optuna import Study

Opened = Callable[[str], "Study"]


def test_workers_see_each_other_until_they_leave(opened: Opened) -> None:
    one, two = opened("w1"), opened("w2")
    with present(one, "w1", "host-a", frozenset()) as first:
        assert first.others() == []
        with present(two, "w2", "host-b", frozenset()) as second:
            assert first.others() == [Present("w2", "host-b", SEARCHING)]
            assert [p.worker for p in first.elsewhere("host-a")] == ["w2"]
            assert first.elsewhere("host-b") == []
            second.enter(PROVING)
            assert first.searching() == []
            assert [p.worker for p in second.searching()] == ["w1"]
        assert first.others() == []


def test_a_former_worker_of_the_same_folder_is_dead(opened: Opened) -> None:
    one, two = opened("w1"), opened("w2")
    with (
        present(one, "w1", "host-a", frozenset()),
        present(two, "w2", "host-a", frozenset({"w1", "w2"})) as second,
    ):
        assert second.others() == []


def test_one_that_was_taken_for_lost_comes_back(opened: Opened) -> None:
    one, two = opened("w1"), opened("w2")
    with (
        present(one, "w1", "host-a", frozenset()) as first,
        present(two, "w2", "host-b", frozenset()) as second,
    ):
        second.study._storage.set_trial_state_values(first.trial_id, TrialState.FAIL)
        assert second.others() == []
        first.enter(PROVING)
        assert second.others() == [Present("w1", "host-a", PROVING)]


def test_leaving_by_an_error_is_leaving(opened: Opened) -> None:
    one, two = opened("w1"), opened("w2")
    with present(two, "w2", "host-b", frozenset()) as second:
        with pytest.raises(RuntimeError), present(one, "w1", "host-a", frozenset()):
            raise RuntimeError
        assert second.others() == []
