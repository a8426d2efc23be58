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
