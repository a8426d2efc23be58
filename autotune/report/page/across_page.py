"""Several studies side by side: one GPU against another, last night against last month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from autotune.report.page.cells import bounds, figure, part, ratio
from autotune.report.page.depth_section import depth_words
from autotune.report.page.figures import Panel, Panels, Row, Rows, Series
from autotune.report.page.gather import StudyData
from autotune.report.page.model import (
    Cell,
    Grid,
    Page,
    Plot,
    Section,
    present,
    prose,
    section,
    words,
)
from autotune.report.page.study_page import SIMULATED, UNFINISHED, document
from autotune.report.text import changes, number, times

_PANELS = (
    ("TTFT p50 at depth, seconds", "ttft_p50_s"),
    ("Decode p50, tokens per second", "decode_p50_tps"),
    ("Seconds per turn", "turn_s"),
)
_ALIKE = (
    ("workload_digest", "workload"),
    ("objective", "objective"),
    ("depth", "scored depth"),
    ("history", "history"),
)


def across_page(studies: Sequence[StudyData]) -> Page:
    """A page of two studies or more, oldest first."""
    ordered = sorted(studies, key=lambda s: str(s.provenance.get("created_at") or ""))
    named = _names(ordered)
    return Page(
        kind="across",
        title=f"{len(ordered)} studies side by side",
        verdict=_verdict(ordered, named),
        lead=tuple(_lead(ordered)),
        sections=present(
            [
                section("studies", "Studies", _grid(ordered, named)),
                _speed(ordered, named),
                _before_after(ordered, named),
                section("changes", "What each of them found", _changes(ordered, named)),
                section("unlike", "What is not the same in all", prose(unlike(ordered))),
            ]
        ),
        records=tuple(_record(one) for one in ordered),
        document={
            "schema_version": "report/1", "kind": "across",
            "studies": [document(one) for one in ordered],
        },
    )  # fmt: skip


def _names(studies: Sequence[StudyData]) -> list[str]:
    """Each study's name; with its folder's where two have the same."""
    names = [one.name for one in studies]
    return [
        f"{one.folder.path.resolve().parent.name}/{one.name}"
        if names.count(one.name) > 1
        else one.name
        for one in studies
    ]


def _verdict(studies: Sequence[StudyData], names: Sequence[str]) -> str:
    """Who is fastest after tuning, where that can be said; else what each gained."""
    gains = [
        f"{name} {times(one.summary.get('speedup'))}"
        for name, one in zip(names, studies, strict=True)
        if one.winner is not None
    ]
    found = f"Gained over their defaults: {', '.join(gains)}." if gains else "None found a gain."
    if "workload" in _differing(studies):
        return found
    told = [(_after(one, "turn_s"), name) for name, one in zip(names, studies, strict=True)]
    ranked = sorted((value, name) for value, name in told if value is not None)
    if len(ranked) < 2:
        return found
    (best, who), (worst, other) = ranked[0], ranked[-1]
    return f"{who} is fastest: {number(best)} s a turn, {other} {number(worst)} s. {found}"


def _after(one: StudyData, key: str) -> float | None:
    """A figure of what the study says to run: its winner, or the default where nothing won."""
    side = "after" if one.winner is not None else "before"
    found: float | None = (one.summary.get(side) or {}).get(key)
    return found


def _lead(studies: Sequence[StudyData]) -> Iterator[str]:
    if any(one.simulated for one in studies):
        yield f"{', '.join(s.name for s in studies if s.simulated)}: {SIMULATED}"
    if same := _same(studies):
        yield same
    if "workload" in _differing(studies):
        yield ("They replayed different workloads: compare what each gained, not their seconds.")


def _differing(studies: Sequence[StudyData]) -> list[str]:
    return [
        word for key, word in _ALIKE if len({str(one.provenance.get(key)) for one in studies}) > 1
    ]


def unlike(studies: Sequence[StudyData]) -> list[str]:
    """What differs between them besides the machine, in sentences."""
    facts = (("engine", "engine"), ("engine_version", "engine build"), ("model_sha256", "model"),
             ("gpu_name", "GPU"), ("driver", "driver"), *_ALIKE)  # fmt: skip
    told = []
    for key, word in facts:
        values = [str(one.provenance.get(key)) for one in studies]
        if len(set(values)) > 1:
            pairs = (f"{s.name}: {_short(v)}" for s, v in zip(studies, values, strict=True))
            told.append(f"{word[:1].upper()}{word[1:]}: {'; '.join(pairs)}.")
    return told


def _short(value: str) -> str:
    plain = value.removeprefix("sha256:")
    return plain if len(plain) < 40 else f"{plain[:12]}…"


def _grid(studies: Sequence[StudyData], names: Sequence[str]) -> Grid:
    """Figures first; of machine, engine, model and depth what is not the same in all of them."""
    told = [_setting(one) for one in studies]
    unlike_ = [head for head in told[0] if len({one[head] for one in told}) > 1]
    figures = ("speed-up", "interval", "TTFT s before", "TTFT s after", "tok/s before",
               "tok/s after", "trials")  # fmt: skip
    rows = (
        (words(name), words(_day(one)), *(words(fact[head]) for head in unlike_), *_cells(one))
        for name, one, fact in zip(names, studies, told, strict=True)
    )
    return Grid(
        heads=("study", "begun", *unlike_, *figures),
        rows=tuple(rows),
        words=frozenset(range(2 + len(unlike_))),
        note="TTFT and tok/s: medians at the scored depth. Speed-up: of the study's objective.",
        sorts=True,
    )


def _day(one: StudyData) -> str:
    return str(one.provenance.get("created_at") or "")[:10]


def _setting(one: StudyData) -> dict[str, str]:
    """What a study was measured on, in words."""
    facts = one.provenance
    return {
        "GPU": str(facts.get("gpu_name") or facts.get("gpu") or ""),
        "engine": str(facts.get("engine") or ""),
        "model": str(facts.get("model_path") or "").rpartition("/")[2],
        "depth": depth_words(one.result.get("depth") or facts.get("depth")),
    }


def _same(studies: Sequence[StudyData]) -> str:
    """What all of them were measured on; nothing where that is not one thing."""
    told = [_setting(one) for one in studies]
    same = {head: told[0][head] for head in told[0] if len({one[head] for one in told}) == 1}
    facts = [f"{head} {value}" for head, value in same.items() if value]
    return f"The same in all: {', '.join(facts)}." if facts else ""


def _cells(one: StudyData) -> Iterator[Cell]:
    summary = one.summary
    before, after = summary.get("before") or {}, summary.get("after") or {}
    low, high = summary.get("interval") or (None, None)
    yield ratio(summary.get("speedup"))
    yield bounds(low, high)
    yield figure(before.get("ttft_p50_s"))
    yield figure(after.get("ttft_p50_s"))
    yield figure(before.get("decode_p50_tps"))
    yield figure(after.get("decode_p50_tps"))
    yield Cell(str(len(one.measured)), float(len(one.measured)))


def _speed(studies: Sequence[StudyData], names: Sequence[str]) -> Section | None:
    rows = []
    for name, one in zip(names, studies, strict=True):
        gain = one.summary.get("speedup")
        if gain is not None:
            low, high = one.summary.get("interval") or (None, None)
            role = "tuned" if one.winner is not None else "trial"
            rows.append(Row(name, gain, role, low, high, f"{name}: {times(gain)}"))
    if not rows:
        return None
    drawn = Rows(
        name="speed",
        title="What each gained over its own default",
        described="; ".join(row.told for row in rows),
        across="times as fast as its default",
        rows=tuple(rows),
        reference=1.0,
    )
    return section("speed", "Gain", Plot(drawn, numbers_in="studies"))


def _before_after(studies: Sequence[StudyData], names: Sequence[str]) -> Section | None:
    panels = []
    for title, key in _PANELS:
        series = tuple(_bars(studies, key, side) for side in ("before", "after"))
        if any(any(True for _ in one.known()) for one in series):
            panels.append(Panel(title, series))
    if not panels:
        return None
    drawn = Panels(
        name="before-after",
        title="Default and tuned",
        described=f"TTFT, decode rate and seconds per turn of {', '.join(names)}",
        across="study",
        panels=tuple(panels),
        labels=tuple(names),
    )
    return section("before-after", "Before and after", Plot(drawn, _figures(studies, names)))


def _bars(studies: Sequence[StudyData], key: str, side: str) -> Series:
    name, role = ("default", "default") if side == "before" else ("tuned or closest", "tuned")
    values = tuple((one.summary.get(side) or {}).get(key) for one in studies)
    told = tuple(f"{s.name}, {name}: {number(v)}" for s, v in zip(studies, values, strict=True))
    across = tuple(float(at) for at in range(len(studies)))
    return Series(name=name, role=role, x=across, y=values, shape="bars", told=told)


def _figures(studies: Sequence[StudyData], names: Sequence[str]) -> Grid:
    heads = ["study"]
    for title, _ in _PANELS:
        heads += [f"{title.partition(',')[0]}, {side}" for side in ("default", "tuned")]
    rows = tuple(
        (
            words(name),
            *(
                figure((one.summary.get(side) or {}).get(key))
                for _, key in _PANELS
                for side in ("before", "after")
            ),
        )
        for name, one in zip(names, studies, strict=True)
    )
    return Grid(heads=tuple(heads), rows=rows)


def _changes(studies: Sequence[StudyData], names: Sequence[str]) -> Grid:
    rows = tuple(
        (
            words(name),
            words(one.summary.get("verdict") or UNFINISHED),
            words(changes(one.summary.get("changes") or {})),
            part(_cached(one)),
        )
        for name, one in zip(names, studies, strict=True)
    )
    heads = ("study", "verdict", "settings that differ from its default", "cached after")
    return Grid(heads=heads, rows=rows, words=frozenset({0, 1, 2}))


def _cached(one: StudyData) -> float | None:
    buckets = one.summary.get("buckets") or ()
    found: float | None = buckets[-1].get("cached_share_after") if buckets else None
    return found


def _record(one: StudyData) -> dict[str, Any]:
    facts, summary = one.provenance, one.summary
    low, high = summary.get("interval") or (None, None)
    sides = {
        f"{key}_{side}": (summary.get(side) or {}).get(key)
        for key in ("ttft_p50_s", "decode_p50_tps", "turn_s", "total_wait_s")
        for side in ("before", "after")
    }
    return {
        "study": one.name,
        "begun": facts.get("created_at"),
        "gpu": facts.get("gpu_name") or facts.get("gpu"),
        "engine": facts.get("engine"),
        "engine_version": facts.get("engine_version"),
        "model": facts.get("model_path"),
        "workload_digest": facts.get("workload_digest"),
        "trials": len(one.measured),
        "winner": one.winner,
        "speedup": summary.get("speedup"),
        "low": low,
        "high": high,
        **sides,
    }
