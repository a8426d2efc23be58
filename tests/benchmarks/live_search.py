"""Ours against random search of equal wall time, live on the real llama-server, interleaved.

    python tests/benchmarks/live_search.py studies/live-search --engine-path LLAMA_SERVER --model M
    python tests/benchmarks/live_search.py /tmp/try --model M --seeds 1 --budget 1m --blocks 2
    python tests/benchmarks/live_search.py studies/live-search --show

For each seed both searches run at once, measurement by measurement, each with `--budget` seconds of
its own; then their picks and the default are measured head to head on held-out sessions. The folder
gets README.md, figures.json and every turn. A run that was killed goes on where it was: give the
same command again. stderr says how far it is and how long it takes; stdout gets the verdict.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from live_figures import figures, markdown
from live_progress import Progress
from live_seed import RESULT, SeedRun
from live_setup import Bench

from autotune import __version__
from autotune.config.values import parse_duration
from autotune.errors import AutotuneError, ExitCode, UserError
from autotune.hardware.cpu import read_cpu
from autotune.hardware.probe import gpu_probe
from autotune.launchers.leftovers import sweep_leftovers
from autotune.search.request import RunRequest
from autotune.search.setup import Setup, set_up, versions
from autotune.study.files import read_json, write_json, write_text_atomic
from autotune.study.lock import study_lock
from autotune.workload.synthesis.edits import edit_sessions
from autotune.workload.writer import write_capture

RECIPE = {"sessions": 4, "turns": 6, "start_depth": 420, "depth": 720, "reply_tokens": 32}
"""Of `edit_sessions`: 500 to 1,000 tokens deep as SmolLM2 counts them, half of it held out."""

SEEDS, BUDGET_S, BLOCKS = 5, 240.0, 4
ENGINE = "llama-server"
LOCK, FACTS, FIGURES, WORKLOAD = ".lock", "live.json", "figures.json", "workload.jsonl"
SCHEMA_VERSION = "live/1"


@dataclass(frozen=True, slots=True)
class LiveFolder:
    """Where each file of a comparison is."""

    path: Path

    def seed(self, seed: int) -> Path:
        """Of one seed."""
        return self.path / "seeds" / str(seed)

    def facts(self) -> dict[str, Any]:
        """Raises `UserError` where there is no comparison."""
        found = read_json(self.path / FACTS)
        if found is None or found.get("schema_version") != SCHEMA_VERSION:
            raise UserError(
                f"{self.path} is not a live comparison",
                "name a folder that make live-search wrote",
            )
        return found

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Note what is measured on. Raises `UserError` for a folder of something else."""
        if (self.path / FACTS).exists():
            self.check(facts)
            return
        made = {"autotune": __version__, "versions": versions(), "begun_at": _now()}
        write_json(self.path / FACTS, {"schema_version": SCHEMA_VERSION, **facts, **made})

    def check(self, facts: Mapping[str, Any]) -> None:
        """Raises `UserError` where something else was measured before."""
        stored = self.facts() if (self.path / FACTS).exists() else facts
        if changed := [name for name, value in facts.items() if stored.get(name) != value]:
            raise UserError(
                f"{self.path} was measured on something else: {', '.join(changed)} differ",
                "name another folder, or give that engine, model, workload, budget and blocks",
            )

    def results(self) -> list[dict[str, Any]]:
        """Of the seeds that are done, in order."""
        paths = (self.path / "seeds").glob(f"*/{RESULT}")
        found = (read_json(path) for path in paths)
        return sorted((r for r in found if r is not None), key=lambda r: int(r["seed"]))

    def show(self) -> dict[str, Any]:
        """Write figures and README from what is there. Raises `UserError` where that is nothing."""
        results = self.results()
        if not results:
            raise UserError(
                f"no seed of {self.path} is done", "measure one: the command without --show"
            )
        found = figures(self.facts(), results)
        write_json(self.path / FIGURES, found)
        write_text_atomic(self.path / "README.md", "\n".join(markdown(found)) + "\n")
        return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is missing, and show it; the exit code says how it ended."""
    options = _options(argv)
    folder = LiveFolder(options.folder)
    try:
        found = folder.show() if options.show else _measured(options, folder)
    except AutotuneError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    print(json.dumps(found) if options.json else "\n".join(list(markdown(found))[2:5]))
    return 0


def _measured(options: argparse.Namespace, folder: LiveFolder) -> dict[str, Any]:
    """All seeds, alone on the machine as far as studies go."""
    # As Ctrl-C: what is being measured must not outlive us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    require_alone(folder.path)
    with (
        study_lock(folder.path / LOCK),
        tempfile.TemporaryDirectory(prefix="autotune-") as scratch,
        gpu_probe() as probe,
    ):
        sweep_leftovers()
        workload = folder.path / WORKLOAD
        if not workload.exists():
            write_capture(edit_sessions(**_recipe(options)), workload)
        setup = set_up(_request(options, workload), probe)
        facts = _facts(options, setup)
        folder.check(facts)
        bench = Bench.of(setup, probe, Path(scratch))
        folder.begin({**facts, **_space_facts(bench)})
        _seeds(options, folder, bench)
        return folder.show()


def require_alone(folder: Path) -> None:
    """Raises `UserError` while another study beside `folder` is being measured."""
    for path in sorted(folder.resolve().parent.glob(f"*/{LOCK}")):
        with study_lock(path):
            continue  # nobody holds it


def _seeds(options: argparse.Namespace, folder: LiveFolder, bench: Bench) -> None:
    progress = Progress(
        seeds=options.seeds,
        budget_s=options.budget,
        blocks=options.blocks,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    for seed in range(options.seeds):
        progress.begin(seed + 1)
        SeedRun(
            folder=folder.seed(seed),
            seed=seed,
            make=bench.make,
            measurer=replace(bench.measurer, seed=seed),
            budget_s=options.budget,
            blocks=options.blocks,
            cores=read_cpu().logical_cores,
            progress=progress,
        ).run()


def _request(options: argparse.Namespace, workload: Path) -> RunRequest:
    """As ``autotune run`` would be asked; the study's folder is that of the comparison."""
    folder = options.folder.resolve()
    return RunRequest(
        workload=workload,
        gpu="cpu",
        engine=ENGINE,
        engine_path=options.engine_path,
        model=options.model,
        sample="all",
        study=folder.name,
        studies_dir=folder.parent,
        budget_s=options.budget,
        usual_chart=False,
    )


def _recipe(options: argparse.Namespace) -> dict[str, int]:
    return {name: getattr(options, name) for name in RECIPE}


def _facts(options: argparse.Namespace, setup: Setup) -> dict[str, Any]:
    """What decides whether two seeds may stand in one comparison, before anything is launched."""
    return {
        "engine": {
            "name": ENGINE,
            "version": setup.build.version,
            "sha256": setup.build.binary_sha256,
        },
        "model": {"file": setup.model_path.name, "sha256": setup.model_digest},
        "machine": {"cpu": setup.cpu.model, "cores": setup.cpu.logical_cores},
        "workload": {"made_by": "edit_sessions", **_recipe(options)},
        "workload_digest": setup.workload.digest,
        "objective": setup.request.objective,
        "budget_s": options.budget,
        "blocks": options.blocks,
    }


def _space_facts(bench: Bench) -> dict[str, Any]:
    """The rest of it, which the survey decides: the context that the workload needs."""
    space = bench.layout(0).space
    return {"space_digest": space.digest, "parameters": len(space.parameters)}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _duration(text: str) -> float:
    """Seconds of ``90s`` or ``4m``. Raises ``ValueError``, which argparse tells."""
    seconds = float(parse_duration(text))
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to search in")
    return seconds


def _count(text: str) -> int:
    """One or more."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than one")
    return number


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the comparison is, or will be")
    parser.add_argument("--engine-path", type=Path, help="llama-server; else the one on PATH")
    parser.add_argument("--model", type=Path, help="GGUF file; needed but with --show")
    parser.add_argument(
        "--seeds", type=_count, default=SEEDS, metavar="N", help=f"in all, from 0 on ({SEEDS})"
    )
    parser.add_argument(
        "--budget", type=_duration, default=BUDGET_S, metavar="TIME",
        help="wall time of each search of a seed, such as 90s (4m)",
    )  # fmt: skip
    parser.add_argument(
        "--blocks", type=_count, default=BLOCKS, metavar="N",
        help=f"how often the picks are measured head to head ({BLOCKS})",
    )  # fmt: skip
    for name, value in RECIPE.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=_count, default=value, help=f"of a new workload ({value})")
    parser.add_argument("--show", action="store_true", help="measure nothing, write the README")
    parser.add_argument("--json", action="store_true", help="the figures to stdout, as data")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
