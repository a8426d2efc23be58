"""Tables of what is on disk: studies, one study's trials, its turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from autotune.report.effects import importance_line
from autotune.report.held import print_held
from autotune.report.kinds import COUNTS, LEGEND, TIMES, counts, times_of
from autotune.report.text import ABSENT, changes, duration, number, plural, times
from autotune.report.wrong_question import NOT_ASKED, wrong_question
from autotune.scoring.warmth import Warmth, classified
from autotune.search.ledger import COMPLETE, STOPPED

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.records import TurnRecord
    from autotune.study.folder import StudyFolder

_DIFFERS = "differs from the default"
_ROOM = 120
"""Columns from which settings have room beside the figures."""
_FACTS = (
    ("engine", ("engine", "engine_version")),
    ("model", ("model_path",)),
    ("GPU", ("gpu_name",)),
    ("workload", ("workload",)),
    ("scored", ("objective", "depth", "history")),
    ("begun", ("created_at",)),
)


def study_row(folder: StudyFolder) -> dict[str, Any]:
    """One study in a few facts. `state` is ``finished`` or ``unfinished``.

    Of a contest the trials are those of all its engines.
    """
    facts, result = folder.read_provenance(), folder.read_result()
    trials = [t for study in folder.engine_studies() or [folder] for t in study.read_trials()]
    winner, summary = (result or {}).get("winner"), (result or {}).get("summary") or {}
    measured = [trial for trial in trials if trial["state"] != "duplicate"]
    return {
        "name": folder.name,
        "path": str(folder.path),
        "state": "finished" if result else "unfinished",
        "trials": len(measured),
        "failed": sum(trial["failure"] is not None for trial in measured),
        "winner": winner["trial"] if winner else None,
        "speedup": summary.get("speedup") if winner else None,
        "interval": summary.get("interval") if winner else None,
        "verdict": summary.get("verdict"),
        "engine": facts.get("engine"),
        "model": facts.get("model_path"),
        "gpu": facts.get("gpu_name") or facts.get("gpu"),
        "created_at": facts.get("created_at"),
    }


def print_studies(rows: Iterable[Mapping[str, Any]], console: Console) -> None:
    """A row a study."""
    table = _table("study", "state", "trials", "speed-up", "engine", "model", "begun")
    for row in rows:
        table.add_row(
            row["name"],
            row["state"],
            str(row["trials"]),
            times(row["speedup"]),
            row["engine"] or ABSENT,
            _file_name(row["model"]),
            _day(row["created_at"]),
        )
    console.print(table)


def print_contest(document: Mapping[str, Any], console: Console) -> None:
    """A contest: its verdict, a row for each config that was confirmed, then each engine's study.

    `document` has the studies of its engines under ``engines``.
    """
    from autotune.report.summary import arms_kinds, arms_table

    result = document["result"]
    summary = result["summary"] if result else None
    verdict = summary["verdict"] if summary else "unfinished"
    console.print(Text(f"{document['name']}: {verdict}", style="bold"))
    print_held(summary, console)
    if summary and summary["arms"]:
        console.print()
        console.print(arms_table(summary["arms"], summary["engine"], summary["winner"]))
        if kinds := arms_kinds(summary["arms"]):
            console.print()
            console.print(kinds)
        if said := wrong_question(summary.get("usual_chart")):
            console.print()
            console.print(said)
    for study in document["engines"]:
        console.print()
        print_study(study, console)


def print_study(document: Mapping[str, Any], console: Console) -> None:
    """Verdict, what it was measured on, and a row a trial."""
    result = document["result"]
    verdict = result["summary"]["verdict"] if result else None
    console.print(Text(f"{document['name']}: {verdict or 'unfinished'}", style="bold"))
    print_held(result["summary"] if result else None, console)
    for name, keys in _FACTS:
        words = [str(document["provenance"][k]) for k in keys if document["provenance"].get(k)]
        if words:
            console.print(Text(f"{name:<9} {' '.join(words)}"), soft_wrap=True)
    console.print()
    trials = [trial for trial in document["trials"] if trial["state"] != "duplicate"]
    if trials:
        for at, table in enumerate(_trials_tables(trials, console.width)):
            if at:
                console.print()
            console.print(table)
    console.print(Text(_counts(document["trials"], trials)))
    if importance := document.get("importance"):
        console.print(Text(importance_line(importance)))
    if result:
        console.print()
        chart = result["summary"].get("usual_chart")
        console.print(wrong_question(chart) or Text(NOT_ASKED))


def _counts(every: list[Any], shown: list[Any]) -> str:
    again = len(every) - len(shown)
    repeated = f", {plural(again, 'suggestion')} measured before" if again else ""
    return plural(len(shown), "trial") + repeated


def _trials_tables(trials: Sequence[Mapping[str, Any]], width: int) -> Iterator[Table]:
    """Figures with what differs beside them, or below each other where there is no room for it."""
    figures = ("#", "s/turn", *TIMES, "tok/s", COUNTS, "took")
    cells = [_trial_cells(trial) for trial in trials]
    if width >= _ROOM:
        rows = [[*row, differs] for row, differs in cells]
        yield _trials_table((*figures, _DIFFERS), rows, trials, LEGEND)
        return
    yield _trials_table(figures, [row for row, _ in cells], trials, LEGEND)
    yield _trials_table(("#", _DIFFERS), [[row[0], differs] for row, differs in cells], trials)


def _trials_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Text]],
    trials: Sequence[Mapping[str, Any]],
    legend: str | None = None,
) -> Table:
    table = _table(*columns)
    table.caption, table.caption_justify = legend, "left"
    whole = [t["value"] for t in trials if t["state"] == COMPLETE]
    best = min((value for value in whole if value is not None), default=None)
    for trial, row in zip(trials, rows, strict=True):
        is_best = trial["state"] == COMPLETE and trial["value"] == best
        style = "red" if trial["failure"] else "bold green" if is_best else ""
        table.add_row(*row, style=style)
    return table


def _trial_cells(trial: Mapping[str, Any]) -> tuple[list[Text], Text]:
    """The figures of a trial, and what it changes with what became of it."""
    stopped = trial["state"] == STOPPED
    # The figures of a trial that was stopped are over other turns than those of the rest.
    metrics, took = {} if stopped else trial["metrics"] or {}, trial["seconds"] or {}
    settings = changes(trial["changes"] or {})
    if trial["failure"]:
        settings += f"\n{trial['failure']}: {trial['reason'] or 'no reason given'}"
    elif stopped:
        settings += f"\n{trial['reason']}"
    elif trial["value"] is None:
        settings += f"\n{trial['state']}"
    cells = [
        str(trial["number"]),
        number(metrics.get("turn_s")),
        *times_of(metrics),
        number(metrics.get("decode_p50_tps")),
        counts(metrics.get("kinds") or ()),
        duration(sum(took.values()) if took else None),
    ]
    return [Text(cell) for cell in cells], Text(settings)


def print_turns(turns: Iterable[TurnRecord], console: Console) -> None:
    """A row a turn."""
    columns = ("arm", "block", "session", "turn", "depth", "cached", "reuse", "out", "TTFT s")
    table = _table(*columns, "tok/s")
    for turn, kind in classified(turns):
        style = "red" if turn.failure else ""
        table.add_row(*(Text(cell) for cell in _turn_cells(turn, kind)), style=style)
    console.print(table)


def _turn_cells(turn: TurnRecord, kind: Warmth) -> list[str]:
    figures = [turn.failure, ""] if turn.failure else [number(turn.ttft_s), number(turn.decode_tps)]
    return [
        turn.arm,
        str(turn.block),
        turn.session_id,
        str(turn.turn),
        *(_count(n) for n in (turn.depth_tokens, turn.cached_tokens)),
        ABSENT if kind is Warmth.UNKNOWN else kind.value,
        _count(turn.output_tokens),
        *(str(figure) for figure in figures),
    ]


def _count(tokens: int | None) -> str:
    return ABSENT if tokens is None else str(tokens)


def _table(*columns: str) -> Table:
    """A table; columns of words are to the left, of figures to the right."""
    words = {"study", "state", "engine", "model", "begun", "arm", "session", "reuse"}
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        left = name in words or (" " in name and "differs" in name)
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    return table


def _file_name(path: str | None) -> str:
    return path.rpartition("/")[2] if path else ABSENT


def _day(stamp: str | None) -> str:
    return stamp[:10] if stamp else ABSENT
