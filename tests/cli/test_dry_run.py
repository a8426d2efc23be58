"""``autotune run --dry-run``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autotune.cli.dry_run import show_dry_run
from autotune.cli.io import CommandIO
from autotune.search.describe import DryRun
from autotune.search.request import RunRequest

DRY = DryRun(
    config={"engine": "llama-server (b1)", "budget_s": None, "held_out": True, "pins": {"a": 1}},
    parameters=3,
    space_size=3_500_000_000,
    argv=("/opt/llama server", "--model", "m.gguf", *(f"--flag-{n}" for n in range(20))),
    env={"HOME": "PRIVATE/home"},
    estimate_s=600.0,
    notes=("depths are estimates",),
)


@pytest.fixture(autouse=True)
def described(monkeypatch: pytest.MonkeyPatch) -> list[RunRequest]:
    """What was described; nothing else of the search is there to be called."""
    seen: list[RunRequest] = []

    def describe(request: RunRequest) -> DryRun:
        seen.append(request)
        return DRY

    fake: Any = SimpleNamespace(describe=describe)
    monkeypatch.setitem(sys.modules, "autotune.search.describe", fake)
    monkeypatch.setitem(sys.modules, "autotune.search.session", SimpleNamespace())
    return seen


def test_it_says_what_would_be_done(
    described: list[RunRequest], capsys: pytest.CaptureFixture[str]
) -> None:
    request = RunRequest(workload=Path("w"), dry_run=True)
    assert show_dry_run(request, CommandIO()) == 0
    assert described == [request]
    out = capsys.readouterr().out
    assert "budget_s  -\nheld_out  yes\npins      a=1\n" in out
    assert "3 parameters, about 3.5e+09 candidates, at most 10m 00s." in out
    assert "note: depths are estimates\n" in out
    assert f"\n  '/opt/llama server' {' '.join(DRY.argv[1:])}\n" in out
    assert out.endswith("Nothing was started (--dry-run).\n")


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_dry_run(RunRequest(workload=Path("w")), CommandIO(json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["space_size"] == 3_500_000_000
    assert found["argv"][0] == "/opt/llama server"
