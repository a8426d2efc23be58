"""A page of each kind that there is, in memory or in a folder of a test."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from report_data import RESULT, SUMMARY, record, write_records

from autotune.report.page.across_page import across_page
from autotune.report.page.contest_page import contest_page
from autotune.report.page.gather import StudyData
from autotune.report.page.model import Page
from autotune.report.page.sources import read_page
from autotune.report.page.study_page import study_page
from autotune.study.folder import StudyFolder

STUDIES = Path(__file__).parents[2] / "studies"
MADE_UP = STUDIES / "prefix-cache-llama-server" / "made-up-session"
"""A committed prefix-cache experiment."""


def arm(engine: str, speedup: float | None, **more: Any) -> dict[str, Any]:
    """A config of a contest as its summary has it; the default of `engine` without a `speedup`."""
    row = {
        "engine": engine, "role": "default" if speedup is None else "best", "trial": 2,
        "changes": {}, "depth": "10-30k", "turns": 12, "ttft_p50_s": 0.5, "ttft_p95_s": 1.0,
        "decode_p50_tps": 40.0, "turn_s": 1.0, "total_wait_s": 30.0, "speedup": speedup,
        "interval": None if speedup is None else [1.1, 1.3], "failure": None, "kinds": [],
    }  # fmt: skip
    return {**row, **more}


def contest(data: StudyData, *arms: dict[str, Any]) -> Page:
    """The page of a contest of `arms`, whose one engine study is `data`."""
    summary = {**SUMMARY, "arms": list(arms), "engine": "two"}
    return contest_page(replace(data, result={**RESULT, "summary": summary}), [data])


def confirmed(data: StudyData, **by_name: int) -> None:
    """A turn log whose last confirmation has the named arms; a turn is so many tokens deep."""
    old = [record("confirm-0003-one-default", "old", 0), record("trial-0000", "s", 0)]
    rows = [
        record(f"confirm-0010-{name.replace('_', '-')}", "s", t, depth_tokens=deep * (t + 1),
               cached_tokens=deep * t, ttft_s=0.5 / deep)
        for name, deep in by_name.items() for t in (0, 1)
    ]  # fmt: skip
    write_records(data.folder.turns_path, [*old, *rows])


def paths_folder(folder: Path, *paths: str) -> Path:
    """The folder of ``autotune replay`` with these paths, each a second slower than the last."""
    facts = {"identity": {"kind": "endpoint"}, "serves": "some engine", "version": "1",
             "model": "m", "fixed_length": True, "hosted": False}  # fmt: skip
    document = {
        "schema_version": "serving-paths/1", "created_at": "2026-11-01", "workload": "w.jsonl",
        "plan_digest": "sha256:1", "history": "recorded", "concurrency": 1, "redacted": False,
        "turns": [["s", turn, 1000, 8] for turn in range(6)],
        "paths": dict.fromkeys(paths, facts),
    }  # fmt: skip
    folder.mkdir()
    (folder / "table.json").write_text(json.dumps(document))
    log = [record(p, "s", t, ttft_s=0.5 + at) for at, p in enumerate(paths) for t in range(6)]
    write_records(folder / "turns.jsonl", log)
    return folder


def compare_folder(folder: Path) -> Path:
    """The folder of an ``autotune compare`` of two arms, with its turns."""
    folder.mkdir()
    shutil.copy(MADE_UP / "compare.json", folder)
    log = [record(name, "s", t) for name in ("cache=on", "cache=off", "other") for t in (0, 1)]
    write_records(folder / "turns.jsonl", log)
    return folder


def later(data: StudyData, name: str, **facts: object) -> StudyData:
    """The same study a month later, faster."""
    summary = {**SUMMARY, "after": {**SUMMARY["after"], "turn_s": 0.9, "ttft_p50_s": 0.5}}
    return replace(
        data,
        folder=StudyFolder(data.folder.path.parent / name),
        provenance={**data.provenance, "created_at": "2026-12-01T00:00:00+00:00", **facts},
        result={**RESULT, "summary": summary},
    )


def every_page(data: StudyData, folder: Path) -> dict[str, Page]:
    """One page of each kind, by its kind. `folder` is a place for what they are made of."""
    confirmed(data, one_default=1000, two_default=2100, two_trial_0002=2100)
    return {
        "study": study_page(data),
        "contest": contest(data, arm("one", None), arm("two", None), arm("two", 1.2)),
        "compare": read_page([compare_folder(folder / "compared")]),
        "cache": read_page([MADE_UP]),
        "paths": read_page([paths_folder(folder / "paths", "one", "two")]),
        "across": across_page([data, later(data, "new", gpu_name="Another Card")]),
    }
