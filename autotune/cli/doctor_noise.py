"""``autotune doctor --noise``: by how much two runs of the same config differ here."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune.cli.io import CommandIO
from autotune.cli.user_cache import noise_folder
from autotune.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autotune.search.aa import AaResult, AaRun
    from autotune.search.request import RunRequest


def noise_of(
    requests: Mapping[str, RunRequest], workload: Path | None, seconds: float, io: CommandIO
) -> dict[str, Any]:
    """An A/A run on each engine; prints what it found, unless JSON is asked for.

    Returns it by engine. Raises `UserError` without a model.
    """
    for request in requests.values():
        if request.model is None:
            raise UserError(
                "no model is named: noise is measured on an engine that serves one",
                "give a GGUF file, or the folder of a Hugging Face model: --model model.gguf",
            )
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="autotune-aa-") as place:
        for label, request in requests.items():
            result = _measured(request, workload, Path(place), seconds, io)
            found[label] = _document(result)
            if not io.json:
                _print(result, io)
    return found


def _measured(
    request: RunRequest, workload: Path | None, place: Path, seconds: float, io: CommandIO
) -> AaResult:
    from autotune.search.aa import measure_floor, write_built_in

    path = write_built_in(place / "built-in.jsonl") if workload is None else workload
    asked = replace(request, workload=path, noise_cache=noise_folder(os.environ))
    return measure_floor(asked, seconds, _told(io))


def _told(io: CommandIO) -> Callable[[AaRun], None]:
    """Says on stderr how far it is."""
    from autotune.report.text import duration, number

    def tell(run: AaRun) -> None:
        loud = ", others used the machine" if run.disturbed else ""
        text = f"run {run.number}: {number(run.turn_s)} s/turn, took {duration(run.seconds)}{loud}"
        io.err.print(text, markup=False, highlight=False)

    return tell


def _print(result: AaResult, io: CommandIO) -> None:
    from autotune.report.noise import floor_lines
    from autotune.report.text import duration, plural

    what = f"{result.key.engine} {result.key.engine_version}, {result.model}, {result.key.shape}"
    title = f"noise floor of this machine ({what})"
    io.out.print(title, markup=False, highlight=False, soft_wrap=True)
    for line in floor_lines(result.floor.to_json()):
        io.out.print(f"  {line}", markup=False, highlight=False)
    runs, pairs = plural(result.runs, "run"), plural(result.floor.pairs, "pair")
    text = f"95% of pairs, by {runs} in {duration(result.seconds)} ({pairs}: {result.floor.method})"
    io.out.print(text, markup=False, highlight=False, soft_wrap=True)
    if result.disturbed:
        others = "others used the machine during"
        loud = f"{others} {result.disturbed} of them: this is a loud machine's floor"
        io.out.print(loud, markup=False, highlight=False, soft_wrap=True)


def _document(result: AaResult) -> dict[str, Any]:
    return {**asdict(result), "floor": result.floor.to_json()}
