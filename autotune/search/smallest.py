"""The cheapest launch that still answers: for the survey, which only counts tokens."""

from __future__ import annotations

from autotune.candidate import Candidate, Setting
from autotune.search.layout import PAD_TOKENS, context_symbols, core_symbols, make_space
from autotune.search.setup import Setup
from autotune.search.space import to_settings


def smallest_candidate(setup: Setup) -> Candidate:
    """The engine's defaults with one slot of the least context and no host cache."""
    symbols: dict[str, Setting] = {
        **core_symbols(setup),
        **context_symbols(PAD_TOKENS, setup.model.n_ctx_train),
    }
    space = make_space(setup, symbols)
    least: dict[str, Setting] = {"ctx-size": PAD_TOKENS, "parallel": 1, "cache-ram": 0}
    known = {name: value for name, value in least.items() if name in space.names}
    return Candidate(to_settings(space, {**space.defaults, **known}))
