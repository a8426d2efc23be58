"""A study with something in every section of a report, in memory and without a database."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from autotune.records import TurnRecord
from autotune.report.page.gather import StudyData
from autotune.study.folder import StudyFolder

HOSTILE = '</script><img src="https://evil.example/x.png" onerror=alert(1)>'


def trial(number: int, value: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """A row of `StudyFolder.read_trials`; TTFT is half its value, decode 60 over it."""
    metrics = {} if value is None else {
        "turn_s": value, "ttft_p50_s": value / 2, "ttft_p95_s": value,
        "decode_p50_tps": 60 / value, "total_wait_s": 40 * value, "cached_share": 0.5,
    }  # fmt: skip
    row = {
        "number": number, "state": "complete", "value": value, "settings": {}, "changes": {},
        "label": "", "failure": None, "reason": None, "seconds": {"replay_s": 10.0},
        "metrics": metrics, "extras": {}, "log": None, "same_as": None, "retry_of": None,
    }  # fmt: skip
    return {**row, **more}


def record(arm: str, session: str, turn: int, **more: Any) -> TurnRecord:
    """One good turn: 1000 tokens deep a turn, half of them reused."""
    known: dict[str, Any] = {
        "block": 0, "order": turn, "started_at": "2026-11-01T10:00:00+00:00",
        "asked_output_tokens": 8, "depth_tokens": 1000 * (turn + 1),
        "cached_tokens": 500 * (turn + 1), "ttft_s": 0.5, "decode_tps": 40.0,
    }  # fmt: skip
    return TurnRecord(arm=arm, session_id=session, turn=turn, **{**known, **more})


PROVENANCE: dict[str, Any] = {
    "schema_version": "provenance/1", "engine": "llama-server", "engine_version": "b1",
    "engine_sha256": "ab" * 32, "model_path": "/models/tiny.gguf", "model_sha256": "cd" * 32,
    "gpu": "GPU-1", "gpu_name": "A Card", "workload": "captures", "workload_digest": "sha256:12",
    "objective": "turn", "depth": "10-30k", "history": "closed-loop", "seed": 0,
    "created_at": "2026-11-01T10:00:00+00:00", "autotune_version": "0.1.0",
    "versions": {"optuna": "5.0.0"},
}  # fmt: skip


def bucket(name: str, turns: int, before: float, after: float) -> dict[str, Any]:
    kinds = [{"kind": "warm", "turns": turns, "ttft_p50_s": before, "ttft_p95_s": before,
              "total_wait_s": 9.0}]  # fmt: skip
    return {
        "bucket": name, "turns": turns, "ttft_p50_s_before": before, "ttft_p50_s_after": after,
        "decode_p50_tps_before": 31.25, "decode_p50_tps_after": 62.5,
        "cached_share_before": 0.25, "cached_share_after": 0.75,
        "ttft_p95_s_before": 2 * before, "ttft_p95_s_after": 2 * after,
        "total_wait_s_before": 90.0, "total_wait_s_after": 45.0,
        "kinds_before": kinds, "kinds_after": [],
    }  # fmt: skip


def cause(words: str, seconds: float | None) -> dict[str, Any]:
    return {"cause": "x", "words": words, "remedy": "more slots", "turns": 3, "tokens": 900,
            "seconds": seconds, "worst_tokens": 400, "worst_detail": ""}  # fmt: skip


REUSE: dict[str, Any] = {
    "sessions": 2, "turns": 8, "prompt_tokens": 9000, "before_tokens": 7000, "ideal_tokens": 7000,
    "reused_tokens": 5000, "lost_s": 6.0, "counted_by": "engine",
    "causes": [cause("evicted by another session", 4.5), cause("the template changed it", 1.5)],
    "time": {"verdict": "hits-save", "turns": 6, "cached_share": 0.8, "saved_share": 0.9,
             "lost_s": 0.5},
}  # fmt: skip

NOISE: dict[str, Any] = {
    "floor": {"half_widths": {"turn_s": 0.02, "ttft": 0.04}, "pairs": 12, "measured_at": "now"},
    "anchors": {"measured": 2, "seconds": 30.0, "disagreed": 0, "measured_again": 0,
                "largest_shift": 0.01, "left_doubtful": []},
    "disturbed": {"discarded_turns": 7, "discarded_s": 21.0, "share": 0.03, "again": 1,
                  "kept_turns": 200, "kept_spoiled": 0, "reasons": ["a browser"]},
    "never_quiet": False,
}  # fmt: skip


def ratio(value: float, low: float, high: float) -> dict[str, float]:
    return {"ratio": value, "low": low, "high": high}


SUMMARY: dict[str, Any] = {
    "study": "tiny", "exit_code": 0, "verdict": "Trial 2 beats the default: 1.25x its speed.",
    "winner": 2, "speedup": 1.25, "interval": [1.2, 1.31], "changes": {"batch-size": 512},
    "before": {"turn_s": 1.5, "ttft_p50_s": 0.75, "decode_p50_tps": 31.25, "total_wait_s": 90.0},
    "after": {"turn_s": 1.2, "ttft_p50_s": 0.625, "decode_p50_tps": 62.5, "total_wait_s": 45.0},
    "buckets": [bucket("0-10k", 20, 0.25, 0.125), bucket("10-30k", 12, 0.75, 0.625)],
    "launch_command": "/opt/llama-server --model /models/tiny.gguf --batch-size 512",
    "seconds": {"load": 5.0, "measure": 45.0, "total": 50.0}, "notes": ["a note"],
    "reuse": {"default": REUSE, "tuned": {**REUSE, "causes": [], "lost_s": 0.0}},
    "noise": NOISE, "quality": None, "ladder": [], "held": {"holds": True, "sentence": "held it"},
    "effects": [
        {"name": "batch-size", "before": 2048, "after": 512, "ratio": 1.2, "low": 1.1,
         "high": 1.3, "source": "measured"},
        {"name": "poll", "before": 50, "after": 0, "ratio": 1.01, "low": None, "high": None,
         "source": "estimate"},
    ],
    "needless": [{"name": "poll", "value": 0}],
}  # fmt: skip

RESULT: dict[str, Any] = {
    "schema_version": "result/1", "finished_at": "2026-11-01T11:00:00+00:00", "summary": SUMMARY,
    "depth": "10-30k", "held_out": True,
    "winner": {"trial": 2, "settings": {"batch-size": 512}, "quality_changing": [],
               "env": {"CUDA_VISIBLE_DEVICES": "GPU-1"}},
    "baseline": {"trial": 0, "settings": {}, "full_settings": {"batch-size": 2048}, "env": {}},
    "comparison": {"pairs": 32, "sessions": 3, "confidence": 0.95, "unit": "sessions",
                   "turn_s": ratio(1.25, 1.2, 1.31), "ttft": ratio(1.2, 1.1, 1.3),
                   "decode": ratio(2.0, 1.8, 2.2), "total_wait": None},
    "confirmed": {"blocks": 3, "seconds": 9.0, "failed": {}, "comparisons": {
        "trial-0002": {"ratio": 1.25}}},
}  # fmt: skip

TRIALS = (
    trial(0, 1.5, label="default"),
    trial(1, 2.0, changes={"batch-size": 64}, label="incumbent"),
    trial(2, 1.2, changes={"batch-size": 512}, log="studies/tiny/logs/trial-0002-b0.log"),
    trial(3, None, state="infeasible", changes={"ctx-size": 131072}, failure="out-of-memory",
          reason="no room for the cache"),
    trial(4, 1.4, state="stopped-early", changes={"name": HOSTILE}, reason="1.2 times as long"),
    trial(5, None, state="duplicate", same_as=2),
)  # fmt: skip


def study_data(folder: Path) -> StudyData:
    """A finished study with a winner, trial 2, in `folder`, which is made."""
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "trial-0002-b0.log").write_text("started\n")
    turns = [
        record("default", s, t, block=b) for b in (0, 1) for s in ("a", HOSTILE) for t in (0, 1)
    ]
    return StudyData(
        folder=StudyFolder(folder),
        provenance=PROVENANCE,
        result=RESULT,
        trials=TRIALS,
        account={"load": 5.0, "measure": 45.0},
        base=folder,
        other="tuned",
        other_trial=2,
        default_turns=tuple(turns),
        other_turns=tuple(record("trial-0002", "a", t, ttft_s=0.25) for t in (0, 1)),
        turns_from="the confirmation",
    )


class Seen(HTMLParser):
    """Tags with their attributes, what is read, and cells with their exact values."""

    VOID = frozenset({"meta", "input", "br", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.values: list[float] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if (value := found.get("data-v")) is not None:
            self.values.append(float(value))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        (self.scripts if inside in ("script", "style") else self.words).append(data)

    def loads(self) -> list[tuple[str, str]]:
        """Everything a browser would fetch: attribute and address."""
        names = ("src", "href", "data", "action", "poster", "srcset")
        return [
            (tag, str(found[name]))
            for tag, found in self.tags
            for name in names
            if found.get(name) is not None
        ]


def read_html(text: str) -> Seen:
    """What is in HTML whose tags are all closed in their turn."""
    seen = Seen()
    seen.feed(text)
    seen.close()
    assert seen.open == []
    return seen


def write_records(path: Path, records: list[TurnRecord]) -> None:
    """A turn log as it is on disk."""
    lines = (json.dumps(r.to_json(), separators=(",", ":")) + "\n" for r in records)
    path.write_text("".join(lines), encoding="utf-8")
