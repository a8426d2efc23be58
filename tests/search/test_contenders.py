"""Who is confirmed beside the default."""

from __future__ import annotations

from autotune.search.ledger import COMPLETE, Entry, Ledger
from autotune.search.session import contenders


def ledger(*values: float) -> Ledger:
    made = Ledger()
    for number, value in enumerate(values):
        label = "" if number else "default"
        made.add(
            Entry(
                number, f"k{number}", COMPLETE, value, label, {"n": number}, {}, {}, 1, None, None
            )
        )
    return made


def names(*values: float, most: int = 2) -> list[str]:
    return [arm.name for arm in contenders(ledger(*values), most)]


def test_the_default_comes_first_and_the_best_follows() -> None:
    assert names(2.0, 1.5, 1.0) == ["default", "trial-0002"]


def test_a_close_second_is_confirmed_too_where_there_is_room() -> None:
    assert names(2.0, 1.04, 1.0) == ["default", "trial-0002", "trial-0001"]
    assert names(2.0, 1.04, 1.0, most=1) == ["default", "trial-0002"]


def test_when_the_default_is_best_the_next_best_is_still_confirmed() -> None:
    assert names(1.0, 1.5) == ["default", "trial-0001"]


def test_a_default_alone_has_no_one_beside_it() -> None:
    assert names(1.0) == ["default"]
