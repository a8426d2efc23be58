"""Prefix reuse in a terminal."""

from __future__ import annotations

from typing import Any

from autotune.report.reuse import reuse_block, reuse_lines


def summary(**fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "counted_by": "engine",
        "sessions": 2,
        "turns": 8,
        "prompt_tokens": 100_000,
        "before_tokens": 90_000,
        "reused_tokens": 40_000,
        "lost_s": 24.6,
        "causes": [
            cause("slot evicted by another session", "raise parallel", 3, 41_200, 16.2,
                  "by session b"),
            cause("back to a checkpoint", "more ctx-checkpoints", 1, 8_000, 8.2),
            cause("whole blocks only", "a smaller block-size", 4, 40, 0.2),
        ],
        "time": {"verdict": "hits-save", "turns": 4, "cached_share": 0.8, "saved_share": 0.98,
                 "lost_s": 0.1},
    }  # fmt: skip
    return {**usual, **fields}


def cause(
    words: str, remedy: str, turns: int, tokens: int, seconds: float | None, detail: str = ""
) -> dict[str, Any]:
    return {
        "words": words, "remedy": remedy, "turns": turns, "tokens": tokens, "seconds": seconds,
        "worst_detail": detail,
    }  # fmt: skip


def test_seconds_of_a_session_by_cause_and_what_to_do() -> None:
    assert list(reuse_lines("default", summary())) == [
        "Prefix reuse, default: 12.3 s a session lost, 49,240 tokens computed again",
        "  8.10 s slot evicted by another session (3 turns, 41,200 tokens, most by session b) -> "
        "raise parallel",
        "  4.10 s back to a checkpoint (1 turn, 8,000 tokens) -> more ctx-checkpoints",
        "  0.100 s small things (40 tokens)",
    ]


def test_nothing_lost() -> None:
    (line,) = reuse_lines("tuned", summary(causes=[], lost_s=0.0))
    assert line == "Prefix reuse, tuned: all that could be reused was"


def test_an_engine_that_says_nothing() -> None:
    (line,) = reuse_lines("tuned", summary(causes=[], lost_s=None, reused_tokens=None))
    assert "does not say what it reused" in line


def test_an_estimate_says_so_and_unknown_seconds_are_no_zero() -> None:
    rows = [cause("unexplained", "see the log", 1, 30_000, None)]
    first, second = reuse_lines("x", summary(causes=rows, lost_s=None, counted_by="estimate"))
    assert first.endswith("30,000 tokens computed again (estimated from characters)")
    assert second.startswith("  ? unexplained")


def test_hits_that_save_nothing_are_called_that() -> None:
    time = {"verdict": "hits-save-nothing", "turns": 11, "cached_share": 0.7, "lost_s": 900.0}
    *_, last = reuse_lines("default", summary(time=time))
    assert last.startswith("  hits save nothing: 70% of warm prompts is reported as reused")
    less = {"verdict": "hits-save-less", "turns": 4, "cached_share": 0.7, "saved_share": 0.5}
    *_, last = reuse_lines("default", summary(time=less))
    assert "50% of that time is saved (4 turns)" in last


def test_a_block_holds_every_config() -> None:
    assert reuse_block({}) is None
    block = reuse_block({"default": summary(), "tuned": summary(causes=[])})
    assert block is not None
    assert str(block).count("Prefix reuse") == 2
