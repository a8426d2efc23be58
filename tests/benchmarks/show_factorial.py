"""Says what a recorded factorial shows, and puts it into its README.

    python tests/benchmarks/show_factorial.py studies/factorial-llama-server-cpu
    python tests/benchmarks/show_factorial.py studies/factorial-llama-server-cpu --json

The optimum, how many configurations come near it, what each factor and each two of them explain,
what the default's own launches say of noise, and how well a rung's order is the whole plan's. The
README's part between ``<!-- figures -->`` and ``<!-- end of figures -->`` is written anew; with
`--json` the figures go to stdout and no file is touched.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from factorial_effects import Level, Point, Share, factors_of, levels, shares, within

from autotune.candidate import Candidate, Setting
from autotune.errors import AutotuneError
from autotune.scoring.noise import noise_floor
from autotune.scoring.ranks import rank_agreement
from autotune.search.factorial import FactorialFolder, configurations, rung_plans, turn_keys
from autotune.search.judge import Judge
from autotune.search.recorded_setup import (
    RecordedSetup,
    factorial_recording,
    recorded_setup,
    true_values,
)
from autotune.search.space import to_settings
from autotune.study.files import write_text_atomic
from autotune.trial.recorded_rows import ANCHOR, LaunchRow

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
NEAR = (0.01, 0.05, 0.10)
MOST_SHARES, MOST_BEST = 10, 8
LEAST_SHARE = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a factorial shows. Seconds are those of a turn unless they are said to be others.

    `near` counts the configurations within each share of the best; `ranks` is Kendall's tau-b of
    each rung with the whole plan, over `n` configurations; `floor` the half-width of the noise as
    a log-ratio, over `repeats` runs of the default.
    """

    configurations: int
    measured: int
    launches: int
    engine_s: float
    launch_s: float
    default: Mapping[str, Setting]
    default_value: float
    best: Sequence[Point]
    worst_value: float
    near: Mapping[str, int]
    levels: Sequence[Level]
    shares: Sequence[Share]
    ranks: Mapping[str, Mapping[str, Any]]
    floor: float | None
    repeats: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def figures(path: Path) -> Figures:
    """Work them out. Raises `UserError` for a folder that holds no recording with its default."""
    folder, setup = FactorialFolder(path), recorded_setup(path, noise="none")
    values, rows = true_values(setup), folder.rows()
    points = [
        Point(settings, values[key])
        for settings in setup.recorded.configurations
        if (key := Candidate(settings).key) in values
    ]
    factors = factors_of(setup.space)
    default = to_settings(setup.space, setup.space.defaults)
    runs = factorial_recording(folder).repeats
    noise = noise_floor(runs, measured_at="")
    return Figures(
        configurations=len(configurations(setup.space)),
        measured=len(points),
        launches=len(rows),
        engine_s=sum(row.seconds.total_s for row in rows),
        launch_s=median(row.seconds.total_s for row in rows),
        default=default,
        default_value=values[Candidate(default).key],
        best=within(points, NEAR[-1])[:MOST_BEST],
        worst_value=max(p.value for p in points),
        near={f"{share:.0%}": len(within(points, share)) for share in NEAR},
        levels=levels(points, factors),
        shares=[s for s in shares(points, factors) if s.share >= LEAST_SHARE],
        ranks=dict(_ranks(folder, setup, rows, values)),
        floor=None if noise is None else noise.half_width("turn_s"),
        repeats=len(runs),
    )


def _ranks(
    folder: FactorialFolder,
    setup: RecordedSetup,
    rows: Sequence[LaunchRow],
    values: Mapping[str, float],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every rung that was recorded beside the whole plan, in the order that it puts configs in."""
    plans = rung_plans(folder.plan())
    for name in dict.fromkeys(row.rung for row in rows if row.label != ANCHOR):
        if name == "whole" or name not in plans:
            continue
        judge, told = Judge(setup.judge.objective, frozenset(turn_keys(plans[name]))), {}
        for settings in setup.recorded.configurations:
            candidate = Candidate(settings)
            found = setup.recorded.truth().measure(
                candidate, plans[name], arm="truth", block=0, sink=lambda _: None
            )
            told[candidate.key] = judge.judge(found).value
        pairs = [(v, told[k]) for k, v in values.items() if told.get(k) is not None]
        whole, rung = [p[0] for p in pairs], [float(p[1] or 0.0) for p in pairs]
        yield name, asdict(rank_agreement(whole, rung))


def markdown(found: Figures) -> Iterator[str]:
    """The README's part."""
    gain = found.default_value / found.best[0].value
    yield (
        f"{found.measured} of {found.configurations} configurations, {found.launches} launches, "
        f"{found.engine_s / 60:.0f} minutes on the engine, {found.launch_s:.1f} s a launch at the "
        "median."
    )
    yield ""
    yield (
        f"The default takes {found.default_value:.3f} s a turn, the best {found.best[0].value:.3f} "
        f"s ({gain:.2f} times as fast), the worst {found.worst_value:.3f} s. "
        + ", ".join(f"{n} come within {share}" for share, n in found.near.items())
        + " of the best, itself among them."
    )
    if found.floor is not None:
        yield ""
        yield (
            f"Two launches of the default differ by up to {found.floor:.1%} in 95 of 100 cases "
            f"({found.repeats} of them, before and between the others)."
        )
    for name, rank in found.ranks.items():
        if rank["tau_b"] is not None:
            yield ""
            yield (
                f"Rung `{name}` puts {rank['n']} configurations in nearly the whole plan's order: "
                f"Kendall's tau-b {rank['tau_b']:.2f}."
            )
    yield from _tables(found)


def _tables(found: Figures) -> Iterator[str]:
    yield from ("", "The best:", "", "| s a turn | what differs from the default |", "|---:|---|")
    for point in found.best:
        changes = [f"{n}={v}" for n, v in point.settings.items() if found.default.get(n) != v]
        yield f"| {point.value:.3f} | `{' '.join(changes) or 'nothing'}` |"
    yield from (
        "", "What each level does, over all configurations that have it:", "",
        "| factor | level | geometric mean over that of all | best, s a turn |",
        "|---|---|---:|---:|",
    )  # fmt: skip
    for level in found.levels:
        yield f"| {level.factor} | {level.name} | {level.ratio:.3f} | {level.best:.3f} |"
    yield from (
        "", "What explains the variance of the logarithms, alone and by twos:", "",
        "| factor | share |", "|---|---:|",
    )  # fmt: skip
    for share in found.shares[:MOST_SHARES]:
        yield f"| {' x '.join(share.factors)} | {share.share:.1%} |"
    rest = max(0.0, 1 - sum(s.share for s in found.shares[:MOST_SHARES]))
    yield f"| all else, noise among it | {rest:.1%} |"


def tell(readme: Path, found: Figures) -> None:
    """Put them between the marks. Raises ``ValueError`` for a README without them."""
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no place for figures ({BEGIN} ... {END})")
    told = "\n".join(markdown(found))
    write_text_atomic(readme, f"{before}{BEGIN}\n{told}\n{END}{after}")


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code says whether there was something to say."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="what record_factorial.py wrote")
    parser.add_argument("--json", action="store_true", help="to stdout, as data")
    options = parser.parse_args(argv)
    try:
        found = figures(options.folder)
    except AutotuneError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return int(error.exit_code)
    if options.json:
        print(json.dumps(found.to_json()))
    else:
        tell(options.folder / "README.md", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
