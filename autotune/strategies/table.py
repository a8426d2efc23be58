"""Every strategy by its name."""

from __future__ import annotations

from collections.abc import Mapping

from autotune.errors import UserError
from autotune.strategies.llama_optimus import llama_optimus, llama_optimus_own
from autotune.strategies.ours import ours
from autotune.strategies.plain import grid_order, plain_tpe, random_search
from autotune.strategies.polyserve import polyserve
from autotune.strategies.seam import Strategy

OURS = "ours"

STRATEGIES: Mapping[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy(OURS, "this tuner: ladder, race, anchors, confirmation", ours),
        Strategy("random", "whole trials drawn by chance, none twice", random_search),
        Strategy("grid", "whole trials in the order of the space's file", grid_order),
        Strategy("tpe", "Optuna's TPE as it comes, whole trials", plain_tpe),
        Strategy("llama-optimus", "in the stages of llama-optimus, on our turns", llama_optimus),
        Strategy("polyserve", "in the stages of polyserve, on our turns", polyserve),
        Strategy(
            "llama-optimus-own",
            "the same stages on its own metric, generated tokens a second",
            llama_optimus_own,
        ),
    )
}
USUAL = tuple(name for name in STRATEGIES if name != "llama-optimus-own")
"""What is compared unless something is named."""


def strategies_named(names: tuple[str, ...]) -> tuple[str, ...]:
    """`names` in the table's order, without repetition; `USUAL` where none is given.

    Raises `UserError` for one that is not there.
    """
    for name in names:
        if name not in STRATEGIES:
            raise UserError(
                f"no strategy is called {name!r}", f"choose from {', '.join(STRATEGIES)}"
            )
    return tuple(name for name in STRATEGIES if name in names) or USUAL
