"""What the seeds of a live comparison show together: as data, and in words for the README."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from live_final import DEFAULT, OURS, RANDOM, VERSUS

from autotune.report.text import changes, duration, plural
from autotune.scoring.comparison import CONFIDENCE
from autotune.scoring.spread import half_width

SCHEMA_VERSION = "live-search/1"
LEAST_SEEDS = 2


def figures(facts: Mapping[str, Any], seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything that the README says, as plain data; `seeds` are results of `SeedRun`."""
    rows = [_row(seed) for seed in seeds]
    return {
        "schema_version": SCHEMA_VERSION,
        "measured": dict(facts),
        "code": sorted({str(seed["code"]) for seed in seeds}),
        "overall": {
            f"{one}/{other}": overall([row["versus"][f"{one}/{other}"] for row in rows])
            for one, other in VERSUS
        },
        "seeds": rows,
    }


def overall(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The geometric mean of the seeds' ratios, with Student's t over their logarithms.

    `faster` and `slower` count the seeds whose whole interval lies on that side of 1, `same` those
    with equal picks. A seed without a ratio is left out and counted in `absent`; of fewer than two
    there is no interval.
    """
    ratios = [float(seed["ratio"]) for seed in seeds if seed["ratio"] is not None]
    mean = math.exp(statistics.fmean(map(math.log, ratios))) if ratios else None
    low, high = _interval([math.log(ratio) for ratio in ratios])
    return {
        "ratio": mean,
        "low": low,
        "high": high,
        "seeds": len(ratios),
        "absent": len(seeds) - len(ratios),
        "faster": sum((seed["low"] or 0.0) > 1.0 for seed in seeds),
        "slower": sum((seed["high"] or math.inf) < 1.0 for seed in seeds),
        "same": sum(bool(seed["same"]) for seed in seeds),
    }


def _interval(logs: Sequence[float]) -> tuple[float | None, float | None]:
    if len(logs) < LEAST_SEEDS:
        return None, None
    error = statistics.stdev(logs) / math.sqrt(len(logs))
    middle, far = statistics.fmean(logs), half_width(error, len(logs), CONFIDENCE)
    return math.exp(middle - far), math.exp(middle + far)


def _row(seed: Mapping[str, Any]) -> dict[str, Any]:
    """One seed without the settings that its changes say already."""
    searches = {
        name: {key: value for key, value in found.items() if key != "settings"}
        for name, found in seed["searches"].items()
    }
    final = seed["final"]
    return {"seed": seed["seed"], "searches": searches, **final}


def markdown(found: Mapping[str, Any]) -> Iterator[str]:
    """The README, line by line."""
    yield "# Ours against equal-time random search, live"
    yield ""
    yield from _answer(found["overall"], found["measured"])
    yield ""
    yield from _how(found["measured"])
    yield ""
    yield from _table(found["seeds"])
    yield ""
    yield from _picks(found["seeds"])
    yield ""
    yield from _END


def _answer(over: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[str]:
    first = over[f"{OURS}/{RANDOM}"]
    yield (
        f"On {measured['engine']['name']}, with {duration(measured['budget_s'])} of wall time for "
        f"each search: what ours recommends is {_times(first)} as fast as what random search "
        f"picks, {_over(first)}. {_counts(first)}"
    )
    yield ""
    yield (
        f"Against the engine's default, ours is {_times(over[f'{OURS}/{DEFAULT}'])} as fast and "
        f"random {_times(over[f'{RANDOM}/{DEFAULT}'])}."
    )


def _times(said: Mapping[str, Any]) -> str:
    if said["ratio"] is None:
        return "an unknown number of times"
    told = f"{said['ratio']:.3f} times"
    bounds = "" if said["low"] is None else f" (95%: {said['low']:.3f} to {said['high']:.3f})"
    return told + bounds


def _over(said: Mapping[str, Any]) -> str:
    many = f"{said['seeds']} seeds" if said["seeds"] != 1 else "one seed"
    absent = "" if not said["absent"] else f"; {said['absent']} without a ratio are left out"
    return f"the geometric mean over {many}{absent}"


def _counts(said: Mapping[str, Any]) -> str:
    return (
        f"Seed by seed the interval is above 1 in {said['faster']}, below 1 in {said['slower']}; "
        f"in {said['same']} both chose the same."
    )


def _how(measured: Mapping[str, Any]) -> Iterator[str]:
    work, machine = measured["workload"], measured["machine"]
    yield (
        f"Both searches had the same space ({measured['parameters']} parameters, as shipped), the "
        "same sessions to search on and the same seconds, and begin with the default. They ran "
        "interleaved, measurement by measurement: whoever had used less time went next, so that "
        "what the machine does with time hits both. What a search thinks counts as its time, and "
        "no engine runs meanwhile. Ours is the search of `autotune run`, with its confirmation "
        "inside the budget; random draws evenly, measures whole trials and picks the least value."
    )
    yield ""
    yield (
        "Then the two picks and the default were measured on sessions that neither had seen, in "
        f"{plural(measured['blocks'], 'block')} that turn around. A ratio is of seconds per turn, "
        "paired by turn; a seed's interval is that of a confirmation, the one over seeds Student's "
        "t on their logarithms."
    )
    yield ""
    yield (
        f"{measured['engine']['name']} {measured['engine']['version']}, "
        f"{measured['model']['file']}, {machine['cores']} cores of {machine['cpu']}; "
        f"{work['sessions']} sessions of {work['turns']} turns of an agent that is shown lines of "
        f"a file and writes them out again ({work['start_depth']} to {work['depth']} tokens, "
        f"replies of {work['reply_tokens']}), half of them held out, others for each seed."
    )


def _table(seeds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| seed | ours, s a turn | random | default | ours against random | launches |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for row in seeds:
        arms, searches = row["arms"], row["searches"]
        turns = " | ".join(_seconds(arms[name]["turn_s"]) for name in (OURS, RANDOM, DEFAULT))
        launches = " + ".join(str(searches[name]["launches"]) for name in (OURS, RANDOM))
        ratio = _ratio(row["versus"][f"{OURS}/{RANDOM}"])
        yield f"| {row['seed']} | {turns} | {ratio} | {launches} |"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _ratio(said: Mapping[str, Any]) -> str:
    if said["same"]:
        return "the same config"
    if said["ratio"] is None:
        return "unknown"
    told = f"{said['ratio']:.3f}"
    return told if said["low"] is None else f"{told} ({said['low']:.3f} to {said['high']:.3f})"


def _picks(seeds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "What was picked, where it differs from the default:"
    yield ""
    yield "| seed | search | used | config |"
    yield "|---:|---|---:|---|"
    for row in seeds:
        for name, found in row["searches"].items():
            used_s, config = found["used_s"], changes(found["changes"])
            yield f"| {row['seed']} | {name} | {used_s:.0f} s | {config} |"


_END = """\
| file | what it holds |
|---|---|
| `figures.json` | all of this as data, with what led in each search and when |
| `live.json` | what it was measured on and with |
| `workload.jsonl`, `survey.json` | the sessions, and how deep the engine counts their turns |
| `seeds/N/ours`, `seeds/N/random` | every launch of a search, and its turns |
| `seeds/N/final` | the turns of the picks and the default, head to head |
| `seeds/N/search.json`, `seeds/N/result.json` | what each search came to; how the picks compare |

```sh
make live-search   # on a machine of its own; goes on where it was stopped
make live-search LIVE_ARGS='--seeds 10'   # five seeds more
make live-search LIVE_ARGS='--show'   # writes this page anew from what is there
```

Two cores of a shared machine, one small model, one kind of work, a few minutes a search: what to
expect elsewhere it does not say. [Recordings](../search-strategies/README.md) have many more seeds.
""".splitlines()
