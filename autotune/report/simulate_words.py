"""What is said of search strategies side by side, on a terminal and in files: cells of a table."""

from __future__ import annotations

from collections.abc import Sequence
from math import expm1

from autotune.report.text import ABSENT, duration, number, share
from autotune.strategies.figures import Figures, Group
from autotune.strategies.sources import SIMULATED

COLUMNS = (
    "strategy", "within 5%\nmedian", "\n95th", "\nnever", "ours takes\n", "\n95% interval",
    "regret\nfound", "\nfinal", "\n95th", "kept\ndefault", "worse\nthan it", "trials",
)  # fmt: skip
"""Of a table; the part before a line break stands over the columns after it. The 5% are
`strategies.figures.WITHIN`."""

SHORT = (0, 1, 2, 3, 4, 5, 7, 10)
"""Those of them that a terminal of 80 columns has room for."""


def cells(row: Figures) -> tuple[str, ...]:
    """One strategy's, as text."""
    return (
        row.strategy,
        ABSENT if row.reach_p50_s is None else duration(row.reach_p50_s),
        ABSENT if row.reach_p95_s is None else duration(row.reach_p95_s),
        share(row.never),
        _ratio(row),
        _span(row.ratio_low, row.ratio_high),
        percent(row.found_regret),
        percent(row.final_regret),
        percent(row.final_p95),
        f"{row.kept_default}/{row.searches}",
        f"{row.worse}/{row.searches}",
        f"{row.trials:.0f}",
    )


def _ratio(row: Figures) -> str:
    """``0.31x``; with ``<`` where the other never arrived and had only the budget to be late."""
    if row.ratio is None:
        return ABSENT
    return f"{'<' if row.at_most else ''}{row.ratio:.2f}x"


def _span(low: float | None, high: float | None) -> str:
    return ABSENT if low is None or high is None else f"{low:.2f} to {high:.2f}"


def percent(value: float | None) -> str:
    """A regret: ``3.1%``, ``48%``; a dash where nothing runs."""
    if value is None:
        return ABSENT
    return f"{value:.1%}" if value < 0.1 else f"{value:.0%}"


def headline(group: Group) -> str:
    """What the searches were of: always begins with what its measurements are."""
    what = "SIMULATED, nothing was measured" if group.source.kind == SIMULATED else "recorded"
    trials = f"{group.budget_s / group.trial_s:.0f} whole trials of the default"
    budget = f"{duration(group.budget_s)} of engine time ({trials})"
    return f"{group.source.name} ({what}): {group.source.title}; {budget}"


def facts(group: Group) -> str:
    """The default and the optimum without noise, and the noise."""
    lost = percent(group.default_regret)
    noise = f"noise {group.noise}, floor {log_percent(group.floor)}"
    return (
        f"best {number(group.optimum)} s, default {number(group.default)} s "
        f"(regret {lost}); {noise}"
    )


def log_percent(log_ratio: float) -> str:
    """A log-ratio as the share that it is: 0.1 is ``11%``."""
    return percent(expm1(log_ratio))


def legend(groups: Sequence[Group]) -> list[str]:
    """What a reader must know of the figures."""
    lines = [
        "Regret: how much slower than the best configuration, both without noise. A search that "
        "never came within 5% counts as later than all; in 'ours takes' (median time of ours over "
        "theirs, bootstrap over seeds) with the whole budget, so that < is an upper bound.",
        "'found' led when the search ended; 'final' is what is recommended after a strategy's own "
        "confirmation, which keeps the default where it cannot prove a gain.",
        "'worse than it': the recommendation is slower than the default by more than the "
        "noise floor, on the sessions of the confirmation.",
    ]
    if any(group.source.kind == SIMULATED for group in groups):
        lines.append("Simulated: worked out from a machine's figures; nothing was measured.")
    return lines
