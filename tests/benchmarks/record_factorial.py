"""Measures every configuration of a small space on the real llama-server, and keeps all of it.

    python tests/benchmarks/record_factorial.py studies/factorial-llama-server-cpu \
        --engine-path LLAMA_SERVER --model M.gguf
    python tests/benchmarks/record_factorial.py /tmp/try --space space.toml ... --configurations 4

The folder holds ``space.toml`` already (or `--space` is put there); the rest is written. The
default is measured first and then every `--anchor-every` configurations, the others in a shuffled
order. Disturbed launches are made again, and so are the configurations between two anchors that
disagree. A run that was killed, or ended by `--configurations`, goes on where it stopped: give the
same command again. stderr says how far it is and how long it takes; stdout gets one JSON line.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from factorial_recorder import Recorder
from factorial_shelf import Shelf

from autotune import __version__
from autotune.errors import AutotuneError, ExitCode, UserError
from autotune.hardware.cpu import read_cpu
from autotune.launchers.leftovers import sweep_leftovers
from autotune.launchers.protocol import Launcher
from autotune.launchers.registry import make_launcher
from autotune.models.identity import model_sha256
from autotune.scoring.objective import Objective
from autotune.search.factorial import (
    FactorialFolder,
    configurations,
    described_plan,
    rung_plans,
)
from autotune.search.setup import versions
from autotune.study.lock import study_lock
from autotune.trial.real import RealMeasurer
from autotune.workload.synthesis.edits import edit_sessions
from autotune.workload.writer import write_capture

RECIPE = {"sessions": 2, "turns": 8, "start_depth": 420, "depth": 840, "reply_tokens": 32}
"""Of `edit_sessions`: 500 to 1,100 tokens deep as SmolLM2 counts them."""

ENGINE = "llama-server"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is missing; the exit code says how it ended."""
    options = _options(argv)
    folder = FactorialFolder(options.folder)
    # As Ctrl-C: what is being measured must not outlive us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with study_lock(options.folder / ".lock"), tempfile.TemporaryDirectory() as scratch:
            sweep_leftovers()
            return _record(options, folder, Path(scratch))
    except AutotuneError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)


def _record(options: argparse.Namespace, folder: FactorialFolder, scratch: Path) -> int:
    launcher = make_launcher(ENGINE, engine_path=options.engine_path)
    _prepare(options, folder, launcher)
    rungs = rung_plans(folder.plan())
    shelf = Shelf(folder)
    recorder = Recorder(
        shelf=shelf,
        space=folder.space(),
        rungs={name: rungs[name] for name in options.rungs.split(",")},
        objective=Objective.TURN,
        measurer=RealMeasurer(
            launcher=launcher,
            model=options.model.resolve(),
            logs_dir=scratch / "logs",
            work_dir=scratch,
            seed=options.seed,
        ),
        anchor_every=options.anchor_every,
        looks=options.looks,
        seed=options.seed,
        cores=read_cpu().logical_cores,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    try:
        with shelf:
            told = recorder.run(most=options.configurations)
    finally:
        shelf.pack()
    print(json.dumps(told))
    return 0


def _prepare(options: argparse.Namespace, folder: FactorialFolder, launcher: Launcher) -> None:
    """Write what a new folder lacks; refuse to go on with one of something else."""
    folder.path.mkdir(parents=True, exist_ok=True)
    if options.space is not None and not folder.space_path.exists():
        folder.space_path.write_text(options.space.read_text())
    if not folder.workload_path.exists():
        write_capture(edit_sessions(**_recipe(options)), folder.workload_path)
    facts, rungs = _facts(options, folder, launcher), _rungs(options, folder)
    made = {"autotune": __version__, "versions": versions(), "begun_at": _now()}
    stored = folder.read_facts() if folder.facts_path.exists() else {**facts, **made, "rungs": {}}
    changed = [name for name, value in facts.items() if stored.get(name) != value]
    changed += [n for n, rung in rungs.items() if stored["rungs"].get(n, rung) != rung]
    if changed:
        raise UserError(
            f"{folder.path} was measured on something else: {', '.join(changed)} differ",
            "name another folder, or give that engine, model, workload, space and seed",
        )
    folder.write_facts({**stored, "rungs": {**stored["rungs"], **rungs}})


def _rungs(options: argparse.Namespace, folder: FactorialFolder) -> dict[str, object]:
    """The plans that are replayed. Raises `UserError` for a rung that there is not."""
    plans = rung_plans(folder.plan())
    names = options.rungs.split(",")
    if missing := [name for name in names if name not in plans]:
        raise UserError(
            f"the plan has no rung {', '.join(missing)}", f"choose from {', '.join(plans)}"
        )
    return {name: described_plan(plans[name]) for name in names}


def _recipe(options: argparse.Namespace) -> dict[str, int]:
    return {name: getattr(options, name) for name in RECIPE}


def _facts(
    options: argparse.Namespace, folder: FactorialFolder, launcher: Launcher
) -> dict[str, object]:
    """Everything that decides whether two launches may stand in one recording."""
    build, plan, space = launcher.detect(), folder.plan(), folder.space_path.read_bytes()
    return {
        "engine": {"name": ENGINE, "version": build.version, "sha256": build.binary_sha256},
        "model": {"file": options.model.name, "sha256": model_sha256(options.model).sha256},
        "machine": {"cpu": read_cpu().model, "cores": read_cpu().logical_cores},
        "workload": {"made_by": "edit_sessions", **_recipe(options)},
        "plan_digest": plan.digest,
        "objective": Objective.TURN.value,
        "space_sha256": hashlib.sha256(space).hexdigest(),
        "configurations": len(configurations(folder.space())),
        "order_seed": options.seed,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the recording is, or will be")
    parser.add_argument("--engine-path", type=Path, help="llama-server; else the one on PATH")
    parser.add_argument("--model", type=Path, required=True, help="GGUF file")
    parser.add_argument("--space", type=Path, help="space.toml for a new folder")
    parser.add_argument(
        "--rungs", default="whole,deep", metavar="NAME,...",
        help="what to replay, all configurations at the first before any at the next (whole,deep)",
    )  # fmt: skip
    for name, value in RECIPE.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=int, default=value, help=f"of a new workload ({value})")
    parser.add_argument("--configurations", type=int, metavar="N", help="end after N launches")
    parser.add_argument(
        "--looks", type=int, default=1, metavar="N", help="times the whole plan is replayed (1)"
    )
    parser.add_argument(
        "--anchor-every", type=int, default=10, metavar="N", help="configurations (10); 0 for none"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the order and the nonces (0)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
