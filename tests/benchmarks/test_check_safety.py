from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("check_safety.py")


@pytest.mark.parametrize(
    ("worse", "least", "code"), [(0, 4, 0), (1, 4, 1), (0, 5, 1)], ids=["safe", "worse", "few"]
)
def test_one_worse_or_too_few_fail(tmp_path: Path, worse: int, least: int, code: int) -> None:
    ours = {"strategy": "ours", "searches": 4, "worse": worse, "worst": 1.1, "kept_default": 1}
    other = {**ours, "strategy": "random", "worse": 3}
    group = {"setup": "a", "kind": "simulated", "strategies": [ours, other]}
    (tmp_path / "figures.json").write_text(json.dumps({"groups": [group]}))
    command = [sys.executable, str(SCRIPT), str(tmp_path), "--least", str(least)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert f"{worse} of 4 recommendations" in done.stdout
    assert "3 recommend a change" in done.stdout


def test_how_many_are_slower_at_all_is_told(tmp_path: Path) -> None:
    """Of the default's 2 s: 1.9, 2.06 (3% slower), 2.3 (15%), and one that does not run."""
    ours = {"strategy": "ours", "searches": 4, "worse": 0, "worst": 1.15, "kept_default": 0}
    group = {
        "setup": "a", "kind": "simulated", "budget_s": 9.0, "noise_floor_log": 0.5,
        "default_held_out": 2.0, "strategies": [ours],
    }  # fmt: skip
    (tmp_path / "figures.json").write_text(json.dumps({"groups": [group]}))
    place = {"setup": "a", "budget_s": 9.0, "strategy": "ours"}
    values = [1.9, 2.06, 2.3, None]
    lines = [{**place, "seed": s, "result": {"held_out": v}} for s, v in enumerate(values)]
    stale = {**place, "seed": 0, "result": {"held_out": 9.0}}
    text = "\n".join(json.dumps(line) for line in [stale, *lines])
    (tmp_path / "searches.jsonl").write_text(text)
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "by more than the floor (65%)" in done.stdout
    assert "slower: 3 by over 2%, 2 by over 5%, 2 by over 10%" in done.stdout
    assert "2 of 4 are slower than the default by over 5%" in done.stdout
