"""Reuse explained on the reference engine, and on an engine whose hits save nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reuse_run import Found, edited, explained, session

from autotune.candidate import Setting
from autotune.launchers.protocol import Launcher

ONE: dict[str, Setting] = {"ctx-size": 2048, "parallel": 1, "cache-ram": 0, "threads": 1}
TWO: dict[str, Setting] = {
    "ctx-size": 4096,
    "parallel": 2,
    "cache-ram": 0,
    "threads": 1,
    "slot-prompt-similarity": 0.4,
}
"""Prompts are short here: the template's words and the nonce are a fifth of them."""


def two_sessions(
    launcher: Launcher, model: Path, folder: Path, settings: dict[str, Setting]
) -> Found:
    """Turn by turn in turns, and nothing in common but the template's first words and the nonce."""
    both = [session("a", (120, 30)), session("b", (120, 30), begins_ms=500.0)]
    return explained(launcher, model, folder, both, settings)  # fmt: skip


def test_two_sessions_on_one_slot_evict_each_other(
    reference_launcher: Launcher, smollm2: Path, tmp_path: Path
) -> None:
    found = two_sessions(reference_launcher, smollm2, tmp_path, ONE)
    assert found.summary["counted_by"] == "engine"
    assert found.summary["off_turns"] == 0
    assert found.summary["engine_notes"] == 4
    for row in found.rows.values():
        assert row["counted_tokens"] == row["depth_tokens"]
    for name, other in (("a", "b"), ("b", "a")):
        row = found.rows[name, 1]
        assert row["ideal_from"] == [name, 0]
        before = found.rows[name, 0]["depth_tokens"]
        assert before <= row["ideal_tokens"] <= before + 8
        assert row["losses"][0]["cause"] == "evicted"
        assert row["losses"][0]["detail"] == f"by session {other}"
        assert row["losses"][0]["tokens"] == row["ideal_tokens"] - row["reused_tokens"]
        assert row["losses"][0]["tokens"] > 120
    assert found.summary["causes"][0]["cause"] == "evicted"
    assert found.summary["causes"][0]["seconds"] > 0


def test_two_slots_clear_it_and_an_edit_is_not_the_engines_fault(
    reference_launcher: Launcher, smollm2: Path, tmp_path: Path
) -> None:
    found = two_sessions(reference_launcher, smollm2, tmp_path / "two", TWO)
    assert "evicted" not in found.causes()
    assert found.rows["a", 1]["reused_tokens"] >= found.rows["a", 0]["depth_tokens"]
    cut = explained(reference_launcher, smollm2, tmp_path / "edit", [edited("c", 80, keep=2)], ONE)
    row = cut.rows["c", 2]
    (loss,) = row["losses"]
    assert (loss["cause"], loss["detail"]) == ("context-edit", "compaction")
    # The engine reused all that the edit left: not a token of the loss is its own.
    assert row["reused_tokens"] == row["ideal_tokens"]
    assert loss["tokens"] == row["before_tokens"] - row["ideal_tokens"]


def hits(make: Callable[..., Launcher], model: Path, folder: Path, *faults: str) -> dict[str, Any]:
    """Three sessions one after the other; 200 us a token, up to 0.3 s for a prompt that is cold."""
    launcher = make(*faults, prefill_us=200, tokens={"tokenize_path": "/tokenize"})
    words = (500, 300, 300, 200)
    three = [session(f"s{at}", words, begins_ms=9000.0 * at) for at in range(3)]
    found = explained(launcher, model, folder, three, {"ctx-size": 8192, "parallel": 1})
    assert found.summary["counted_by"] == "engine"
    assert found.summary["off_turns"] == 0
    time: dict[str, Any] = found.summary["time"]
    return time


def test_hits_that_save_nothing_are_found(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path
) -> None:
    time = hits(fake_launcher, fake_model, tmp_path, "hits-save-nothing")
    assert time["verdict"] == "hits-save-nothing"
    assert time["cached_share"] > 0.6


def test_honest_hits_are_not_called_that(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path
) -> None:
    assert hits(fake_launcher, fake_model, tmp_path)["verdict"] != "hits-save-nothing"


def test_an_engine_that_cannot_tokenize_is_estimated(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path
) -> None:
    both = [session("a", (900, 60)), session("b", (900, 60), begins_ms=500.0)]
    found = explained(fake_launcher(), fake_model, tmp_path, both, {"parallel": 1})
    assert found.summary["counted_by"] == "estimate"
    assert "tokenizing" in found.summary
    assert found.rows["a", 1]["losses"][0]["cause"] == "evicted"
    alone = explained(fake_launcher(), fake_model, tmp_path / "alone", both[:1], {"parallel": 1})
    assert alone.causes() == {}
