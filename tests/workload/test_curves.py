"""The turns of a workload that a plot shows."""

from __future__ import annotations

from autotune.workload.breaks import Break
from autotune.workload.curves import Curves, Point
from autotune.workload.depth import Depth
from autotune.workload.model import Recorded, Session, Turn
from autotune.workload.reuse import TurnReuse


def take(curves: Curves, name: str, *depths: int) -> None:
    turns = tuple(Turn(name, at, ()) for at in range(len(depths)))
    told = [Depth(tokens, estimated=False) for tokens in depths]
    curves(Session(name, turns), told, [TurnReuse() for _ in depths])


def test_a_point_holds_what_is_known_of_its_turn() -> None:
    curves = Curves(1)
    recorded = Recorded(cached_tokens=90, ttft_ms=1500.0)
    turns = (Turn("s", 0, ()), Turn("s", 4, (), recorded=recorded))
    depths = [Depth(100, estimated=True), Depth(140, estimated=False)]
    curves(Session("s", turns, parent="p"), depths, [TurnReuse(), TurnReuse(79.6, Break.CLOCK)])
    (curve,) = curves.kept()
    assert (curve.session_id, curve.parent, curve.deepest) == ("s", "p", 140)
    assert curve.points == (
        Point(0, 100, True, 0),
        Point(4, 140, False, 80, cached=90, ttft_s=1.5, cause=Break.CLOCK),
    )


def test_the_deepest_are_kept_in_the_order_they_came() -> None:
    curves = Curves(2)
    for name, deepest in (("a", 30), ("b", 10), ("c", 20)):
        take(curves, name, 5, deepest)
    assert [curve.session_id for curve in curves.kept()] == ["a", "c"]
    assert curves.left_out == 1


def test_single_prompts_give_way_and_of_equals_the_first_stays() -> None:
    curves = Curves(2)
    take(curves, "alone", 1000)
    for name in ("a", "b", "c"):
        take(curves, name, 5, 10)
    assert [curve.session_id for curve in curves.kept()] == ["a", "b"]
