"""A finished study beside random search of equal engine-time: in words, as data, as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from autotune.report.plot_panel import LEFT, WIDTH, Panel
from autotune.report.plot_scale import Linear, log_over
from autotune.report.simulate_style import style
from autotune.report.svg import Dot, element, label
from autotune.report.text import duration, number, share, times
from autotune.strategies.resample import DRAWS, SAME, Baseline

if TYPE_CHECKING:
    from rich.console import Console

_TITLE = "A study beside random search of equal engine-time"
_TOP, _HEIGHT = 92.0, 260.0


def print_baseline(found: Baseline, out: Console) -> None:
    """What was found, and what it can and cannot tell."""
    for line in words(found):
        out.print(line, markup=False)
    for line in CAVEATS:
        out.print(line, style="dim", markup=False)


def words(found: Baseline) -> Iterator[str]:
    """The figures in sentences."""
    yield (
        f"{found.study}: {found.trials} trials of {found.configs} configs in "
        f"{duration(found.engine_s)} of engine time (the search; recorded)"
    )
    gain = times(found.default / found.best)
    yield f"the study's best trial: {number(found.best)} s, {gain} the default's speed"
    chance = times(found.default / found.random_best)
    yield (
        f"random search over the same configs: {number(found.random_best)} s at the median "
        f"({chance}; half of them {number(found.random_low)} to {number(found.random_high)} s), "
        f"{found.random_configs:.0f} configs each"
    )
    yield f"it came within {SAME:.0%} of the study's best in {share(found.chance)} of {DRAWS} draws"


CAVEATS = (
    "Resampled from the study's own trials: each is charged as a whole replay, in an order drawn "
    "by chance, the default first.",
    "It can tell whether the order of the trials, and leaving some early, was worth anything.",
    "It cannot tell what chance would find among configs that were never measured.",
    "A search measures what looks good, so this flatters random search. Values are as measured, "
    "noise and all.",
)


def baseline_document(found: Baseline) -> dict[str, Any]:
    """The same as plain data."""
    return {**asdict(found), "kind": "recorded", "notes": list(CAVEATS)}


def baseline_plot(found: Baseline) -> str:
    """Best value over engine-seconds: the study's line, and the random searches' median and band
    as the text of an SVG file."""
    panel = _panel(found)
    study = [(m.engine_s, m.study) for m in found.moments if m.study is not None]
    median = [(m.engine_s, m.median) for m in found.moments if m.median is not None]
    height = panel.bottom + 60 + 18 * (len(CAVEATS) + 1)
    return element(
        "svg",
        element("title", _TITLE),
        element("style", style()),
        element("rect", width="100%", height="100%", class_="ground"),
        label(LEFT, 26, f"{_TITLE}: {found.study}", kind="title"),
        *_keys(),
        panel.frame(),
        _band(panel, found),
        panel.line(median, "s1"),
        panel.line(study, "s0"),
        panel.axis("engine-seconds of the search"),
        *_below(found, panel.bottom + 60),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        width=WIDTH,
        role="img",
    ) + "\n"  # fmt: skip


def _panel(found: Baseline) -> Panel:
    values = [v for m in found.moments for v in (m.study, m.low, m.high) if v is not None]
    title = "Best value so far, seconds of the objective (logarithmic)"
    return Panel(title, _TOP, _HEIGHT, Linear(0.0, found.engine_s), log_over(values))


def _keys() -> Iterator[str]:
    for x, kind, text in ((LEFT, "s0", "the study"), (LEFT + 150, "s1", "random search: median")):
        yield element("polyline", points=f"{x},46 {x + 26},46", class_=f"line {kind}")
        yield label(x + 34, 50, text)


def _band(panel: Panel, found: Baseline) -> str:
    upper: list[Dot] = [(m.engine_s, m.high) for m in found.moments if m.high is not None]
    known = [m for m in reversed(found.moments) if m.high is not None and m.low is not None]
    lower: list[Dot] = [(m.engine_s, m.low or 0.0) for m in known]
    places = " ".join(f"{panel.x(x):.1f},{panel.y(y):.1f}" for x, y in [*upper, *lower])
    return element("polygon", points=places, class_="area s1")


def _below(found: Baseline, top: float) -> Iterator[str]:
    share_told = f"chance came within {SAME:.0%} of the study's best in {share(found.chance)}"
    for at, line in enumerate((share_told, *CAVEATS)):
        yield label(LEFT, top + 18 * at, line, kind="tick")
