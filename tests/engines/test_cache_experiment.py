"""``autotune compare cache=on cache=off`` on real engines: cold is cold, and warm is faster."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import ExitCode
from autotune.study.turn_log import read_turns
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

SESSIONS, TURNS = 2, 5


def experiment(tmp_path: Path, *argv: str, depth: int = 5_000) -> Path:
    """Two sessions of five turns, one block: the folder that it leaves."""
    workload = tmp_path / "w.jsonl"
    spec = SynthesisSpec(
        sessions=SESSIONS, turns=TURNS, start_depth=1000, depth=depth, reply_tokens=24
    )
    write_capture(synthesize(spec), workload)
    words = ["compare", "cache=on", "cache=off", "--workload", str(workload), "--gpu", "cpu"]
    words += ["--blocks", "1", "--max-output-tokens", "8", "--study", "x", "--order", "sequential"]
    done = subprocess.run(
        [sys.executable, "-m", "autotune.cli.main", *words, *argv],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.returncode == ExitCode.DONE, done.stderr
    return tmp_path / "studies" / "x"


def is_whole(folder: Path) -> list[dict[str, Any]]:
    """Every turn was measured in both arms and is in every file; the rows of the JSON."""
    told = json.loads((folder / "cache-effect.json").read_text())
    assert told["cold_checked"] is True
    assert (told["unpaired"], told["unequal_prompts"]) == (0, 0)
    rows: list[dict[str, Any]] = told["rows"]
    assert len(rows) == SESSIONS * TURNS
    assert all(row["cold_cached_tokens"] == 0 for row in rows)
    assert all(row["prefilled_cold_tokens"] == row["depth_tokens"] for row in rows)
    with (folder / "cache-effect.csv").open() as lines:
        table = list(csv.DictReader(lines))
    assert [int(line["depth_tokens"]) for line in table] == [row["depth_tokens"] for row in rows]
    ET.parse(folder / "cache-effect.svg")
    assert all(record.ok for record in read_turns(folder / "turns.jsonl"))
    return rows


def reuse_saves_time(rows: list[dict[str, Any]], block_tokens: int = 1) -> None:
    """The whole prompt before is reused, but for the part of a block at its end; and it is felt.

    Not asked of single turns: a busy machine may slow any one of them.
    """
    for before, after in pairwise(rows):
        if before["session"] == after["session"]:
            assert after["reused_tokens"] >= before["depth_tokens"] - block_tokens
    assert all(row["reused_tokens"] % block_tokens == 0 for row in rows)
    assert all(
        row["reused_tokens"] + row["prefilled_warm_tokens"] == row["depth_tokens"] for row in rows
    )
    assert sum(row["ttft_saved_s"] for row in rows) > 0


def test_the_reference_engine(tmp_path: Path, deep_model: Path) -> None:
    pytest.importorskip("xllamacpp")
    folder = experiment(tmp_path, "--engine", "reference", "--model", str(deep_model))
    reuse_saves_time(is_whole(folder))


def test_llama_server(tmp_path: Path, llama_server: Path, deep_model: Path) -> None:
    engine = ["--engine", "llama-server", "--engine-path", str(llama_server)]
    folder = experiment(tmp_path, *engine, "--model", str(deep_model))
    reuse_saves_time(is_whole(folder))


def test_vllm(tmp_path: Path, vllm: Path, tiny_hf: Path) -> None:
    """Reuse is of whole blocks there, 128 tokens on processors."""
    engine = ["--engine", "vllm", "--engine-path", str(vllm), "--model", str(tiny_hf)]
    reuse_saves_time(is_whole(experiment(tmp_path, *engine)), block_tokens=128)
