"""Finished trials made by hand, in a space of three flags."""

from __future__ import annotations

from autotune.candidate import Candidate, Setting
from autotune.search.ledger import COMPLETE, INFEASIBLE, Entry, Ledger
from autotune.search.space import Parameter, Space, Start, to_settings

A = Parameter("a", (1, 2), 1, "x")
B = Parameter("b", (1, 2), 1, "x")
C = Parameter("c", (1, 2), 1, "x", requires={"a": (2,)})
SPACE = Space(
    "e",
    (A, B, C),
    starts=(Start("first", "why", {"a": 2, "c": 2}), Start("second", "why", {"b": 2})),
)


def entry(
    number: int,
    label: str,
    value: float | None,
    values: dict[str, Setting] | None = None,
    outcome: str | None = None,
    space: Space = SPACE,
) -> Entry:
    """A trial of a second; without a `value` it failed."""
    outcome = outcome or (INFEASIBLE if value is None else COMPLETE)
    settings = to_settings(space, values or {})
    return Entry(
        number, Candidate(settings).key, outcome, value, label, settings, {}, {}, 1.0, None, None,
        values or {},
    )  # fmt: skip


def ledger(*entries: Entry) -> Ledger:
    """A ledger of them."""
    made = Ledger()
    for one in entries:
        made.add(one)
    return made
