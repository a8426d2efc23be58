from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from autotune.report.redaction import print_redaction_report
from autotune.workload.redaction.report import RedactionReport, RuleCount, TokenCount


def shown(out: Path | None, **given: Any) -> str:
    fields: dict[str, Any] = {
        "sessions": 2,
        "turns": 9,
        "rules": (RuleCount("home-path", 1, 30, 2),),
        "tokens": TokenCount(exact=False),
        "text": "keep",
    }
    console = Console(file=StringIO(), width=80)
    print_redaction_report(RedactionReport(**{**fields, **given}), console, out)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return str(text)


def test_a_check_tells_places_by_rule() -> None:
    lines = shown(None).splitlines()
    assert lines[0].split() == ["rule", "values", "places", "sessions"]
    assert lines[2].split() == ["home-path", "1", "30", "2"]
    assert lines[3] == "2 sessions, 9 turns: 30 places to redact"
    assert shown(None, rules=()) == "2 sessions, 9 turns: nothing to redact\n"


def test_how_counts_fared() -> None:
    out = Path("x.jsonl")

    def last(*counts: Any) -> str:
        return shown(out, rules=(), tokens=TokenCount(*counts), verified_lines=9).splitlines()[-1]

    assert last(False) == "2 sessions, 9 turns in x.jsonl; 9 lines checked"
    assert last(False, 3, 70, 70).startswith("3 texts changed, about 70 tokens; --model")
    assert last(True, 1, 70, 70) == "1 text changed, 70 tokens before and after"
    assert last(True, 3, 70, 71, 1) == "3 texts changed, 70 tokens, now 71; 1 count not kept"


def test_images() -> None:
    assert "1 image: not looked into" in shown(None, images=1)
    assert "2 images: a pixel stands for each" in shown(None, images=2, text="none")
