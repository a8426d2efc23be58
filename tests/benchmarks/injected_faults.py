"""What faults put in on purpose do to a study: its budget, its trials' failures, its winner.

    python tests/benchmarks/injected_faults.py studies/injected-faults --seeds 10
    python tests/benchmarks/injected_faults.py studies/injected-faults --only processes

On simulated machines every seed is searched three times: without faults, with them, and without
them by another seed of the search, which shows how much of a difference no faults make. Real
processes are whole runs of ``autotune run`` on a fake engine, without faults and with them. Every
study is kept the moment it ends, and what is there is not done again; the tables are written anew.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))

from faulty_run import FaultyRun
from faulty_study import (
    FaultyStudy,
    default_of,
    faults_over,
    faulty_study,
    some_configs,
    truth_named,
)
from injected_faults_table import figures_of, readme_of

from autotune.candidate import Candidate
from autotune.search.ledger import INFEASIBLE
from autotune.strategies.seam import Settings

MACHINES = ("3060-llama-8b", "m1-max-llama-8b", "h100-qwen-32b-vllm", "2-cores-vllm")
OTHER_SEED = 1_000
PROCESS_BUDGET_S = 60


def simulated_row(name: str, seed: int, trials: float) -> dict[str, Any]:
    """One seed on one machine: a study without faults, one with them, and another without."""
    budget_s = trials * truth_named(name).trial_s()
    plain = faulty_study(name, seed, budget_s)
    faults = faults_over(name, seed, [plain.recommended])
    faulty = faulty_study(name, seed, budget_s, faults)
    other = faulty_study(name, seed, budget_s, search_seed=seed + OTHER_SEED)
    key = Candidate(plain.recommended).key
    tries = faulty.run.ledger.tries(key)
    return {
        "machine": name,
        "seed": seed,
        "budget_s": budget_s,
        "short_share": faults.short.share if faults.short else 0.0,
        "used": {"plain": plain.used_s / budget_s, "faulty": faulty.used_s / budget_s},
        "trials": {"plain": _trials(plain), "faulty": _trials(faulty)},
        "launches": len(faulty.seen),
        "injected": faulty.kinds,
        "misclassified": faulty.misclassified(),
        "refused_good": faulty.refused_good(some_configs(name), faults),
        "sampled": len(some_configs(name)),
        "winner_refused": faulty.run.search.feasibility.refusal(Candidate(plain.recommended))
        is not None,
        "winner_failed": bool(tries) and all(e.outcome == INFEASIBLE for e in tries),
        "same": Candidate(faulty.recommended).key == key,
        "same_other": Candidate(other.recommended).key == key,
        "log_ratio": _log_ratio(name, faulty.recommended, plain.recommended),
        "log_ratio_other": _log_ratio(name, other.recommended, plain.recommended),
        "searched_log_ratio": _searched_log_ratio(name, faulty.recommended, plain.recommended),
        "searched_log_ratio_other": _searched_log_ratio(name, other.recommended, plain.recommended),
        "log_ratio_default": _log_ratio(name, faulty.recommended, default_of(faulty.setup)),
    }


def _trials(study: FaultyStudy) -> int:
    return len(study.run.ledger.measured)


def _log_ratio(name: str, one: Settings, other: Settings) -> float | None:
    """The log of the true time on held-out sessions of `one` over `other`'s."""
    truth = truth_named(name)
    return _log_of(truth.held_out(one), truth.held_out(other))


def _searched_log_ratio(name: str, one: Settings, other: Settings) -> float | None:
    """The same on the sessions that are searched, which are all that the search may go by."""
    truth = truth_named(name)
    return _log_of(truth.searched(one), truth.searched(other))


def _log_of(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else math.log(a / b)


def process_row(seed: int, budget_s: int) -> dict[str, Any]:
    """One seed: a run without faults, and one with them."""
    with tempfile.TemporaryDirectory(prefix="faulty-") as folder:
        plain = FaultyRun(Path(folder) / "plain", seed=seed)
        faulty = FaultyRun(
            Path(folder) / "faulty", seed=seed, hang=0.02, crash=0.05, short_memory=True
        )
        return {"seed": seed, "budget_s": budget_s} | {
            name: told_of(run, budget_s) for name, run in (("plain", plain), ("faulty", faulty))
        }


def told_of(run: FaultyRun, budget_s: int) -> dict[str, Any]:
    """Run it whole, and what is to be said of it."""
    done = run.start("--budget", f"{budget_s}s", "--no-early-stop")
    left, result = run.engines(), run.study.read_result()
    if result is None:
        raise SystemExit(f"the run failed with {done.returncode}:\n{done.stderr}")
    struck = [row["kind"] for row in run.launches() if row.get("struck")]
    winner = (result["winner"] or result["baseline"])["full_settings"]
    return {
        "exit_code": done.returncode,
        "verdict": result["summary"]["verdict"],
        "notes": result["summary"]["notes"],
        "seconds": result["summary"]["seconds"],
        "trials": result["summary"]["trials"],
        "winner": {name: winner[name] for name in ("ubatch-size", "parallel")},
        "injected": {kind: struck.count(kind) for kind in sorted(set(struck))},
        "misclassified": run.misclassified(),
        "processes_left": len(left),
    }


def rows_in(path: Path) -> list[dict[str, Any]]:
    """What was measured before."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def keep(path: Path, row: dict[str, Any]) -> None:
    """One more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as out:
        out.write(json.dumps(row) + "\n")


def wanted(asked: argparse.Namespace, known: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Seeds and machines that are still to be done, seed by seed."""
    done = {(row["seed"], row["machine"]) for row in known}
    for seed in range(asked.seeds):
        for name in asked.machines.split(","):
            if (seed, name) not in done:
                yield seed, name


def run_simulated(asked: argparse.Namespace, path: Path) -> None:
    """Those that are missing."""
    for seed, name in wanted(asked, rows_in(path)):
        row = simulated_row(name, seed, asked.trials)
        keep(path, row)
        sys.stderr.write(f"{name} seed {seed}: {row['injected']}, {row['log_ratio']}\n")


def run_processes(asked: argparse.Namespace, path: Path) -> None:
    """Those that are missing."""
    done = {row["seed"] for row in rows_in(path)}
    for seed in range(asked.processes):
        if seed not in done:
            row = process_row(seed, asked.budget)
            keep(path, row)
            sys.stderr.write(f"processes seed {seed}: {row['faulty']['injected']}\n")


def main() -> int:
    """Parse, run, write. 1 where anything that must hold does not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--machines", default=",".join(MACHINES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=float, default=40.0, help="budget, in whole trials")
    parser.add_argument("--processes", type=int, default=3, help="pairs of runs")
    parser.add_argument("--budget", type=int, default=PROCESS_BUDGET_S, help="of each run, seconds")
    parser.add_argument("--only", choices=("simulated", "processes", "tables"))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    simulated, processes = (asked.folder / f"{n}.jsonl" for n in ("simulated", "processes"))
    if asked.only in (None, "simulated"):
        run_simulated(asked, simulated)
    if asked.only in (None, "processes"):
        run_processes(asked, processes)
    figures = figures_of(rows_in(simulated), rows_in(processes))
    (asked.folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    (asked.folder / "README.md").write_text(readme_of(figures))
    sys.stdout.write(readme_of(figures))
    return int(not figures["holds"])


if __name__ == "__main__":
    sys.exit(main())
