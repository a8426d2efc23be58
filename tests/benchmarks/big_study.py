"""A made-up study of any size on disk, for measuring what reads studies."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from report_data import NOISE, PROVENANCE, RESULT, SUMMARY

from autotune.study.folder import StudyFolder

WINNER = 2
SESSIONS = 10


def make_study(folder: Path, trials: int, turns: int, seed: int = 0) -> StudyFolder:
    """`trials` with `turns` in all, three blocks of default and winner among them.

    A tenth of the trials fails, a fifth is stopped early.
    """
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    study = StudyFolder(folder)
    study.write_provenance(PROVENANCE)
    per_trial = turns // (trials + 6)
    _write_trials(study, trials, rng)
    _write_turns(study, trials, per_trial, rng)
    summary = {**SUMMARY, "winner": WINNER, "noise": NOISE}
    winner = {**RESULT["winner"], "trial": WINNER}
    study.write_result({**RESULT, "summary": summary, "winner": winner})
    study.write_account({"load": 400.0, "measure": 5000.0, "confirm": 300.0})
    return study


def _write_trials(study: StudyFolder, trials: int, rng: random.Random) -> None:
    from optuna.samplers import RandomSampler
    from optuna.trial import TrialState, create_trial

    from autotune.study.storage import open_study

    made = []
    for number in range(trials):
        attrs = _attrs(number, rng)
        value = attrs["value"]
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        made.append(create_trial(state=state, value=value, user_attrs=attrs))
    with open_study(study, RandomSampler(seed=0)) as opened:
        opened.add_trials(made)


def _attrs(number: int, rng: random.Random) -> dict[str, Any]:
    fate = rng.random() if number > WINNER else 1.0
    value = None if fate < 0.1 else 1.0 if number == WINNER else rng.uniform(1.1, 3.0)
    settings = {f"setting-{at}": rng.choice([64, 512, "on", "off"]) for at in range(16)}
    metrics = {} if value is None else {
        "turn_s": value, "ttft_p50_s": value * rng.uniform(0.3, 0.6), "ttft_p95_s": 2 * value,
        "decode_p50_tps": rng.uniform(20, 90), "total_wait_s": 50 * value, "cached_share": 0.9,
    }  # fmt: skip
    return {
        "outcome": "infeasible" if value is None else "stopped-early" if fate < 0.3 else "complete",
        "value": value,
        "settings": settings,
        "changes": {} if number == 0 else dict(list(settings.items())[:5]),
        "label": "default" if number == 0 else "sampled",
        "failure": "out-of-memory" if value is None else None,
        "reason": "failed to allocate buffer of size 515" if value is None else None,
        "seconds": {"load_s": 2.0, "replay_s": 20.0},
        "metrics": metrics,
    }


def _write_turns(study: StudyFolder, trials: int, per_trial: int, rng: random.Random) -> None:
    arms = [(f"trial-{number:04d}", 0) for number in range(trials)]
    names = ("default", f"trial-{WINNER:04d}")
    arms += [(f"confirm-{trials:04d}-{name}", block) for block in range(3) for name in names]
    with study.turns_path.open("w", encoding="utf-8") as out:
        for arm, block in arms:
            for at in range(per_trial):
                row = _turn(arm, block, at, rng)
                out.write(json.dumps(row, separators=(",", ":")) + "\n")


def _turn(arm: str, block: int, at: int, rng: random.Random) -> dict[str, Any]:
    depth = 2000 * (at // SESSIONS + 1)
    return {
        "schema_version": "turn-record/1", "arm": arm, "block": block, "order": at,
        "session_id": f"session-{at % SESSIONS}", "turn": at // SESSIONS,
        "started_at": "2026-11-01T10:00:00+00:00", "asked_output_tokens": 64,
        "depth_tokens": depth, "cached_tokens": depth - 1500, "computed_tokens": 1500,
        "output_tokens": 64, "ttft_s": rng.uniform(0.2, 2.0), "decode_tps": rng.uniform(20, 60),
        "wall_s": 3.0, "server_prefill_s": 0.4, "server_decode_s": 2.0,
    }  # fmt: skip
