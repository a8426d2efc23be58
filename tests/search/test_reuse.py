"""Which measurements are explained, and what a summary is told of them."""

from __future__ import annotations

from pathlib import Path

from autotune.search.reuse import explained, reuse_question, told_reuse
from autotune.study.reuse_log import ReuseLog


def test_the_confirmation_once_and_the_defaults_first_trial() -> None:
    assert explained("trial-0000", 0)
    assert explained("confirm-0012-default", 0)
    assert not explained("confirm-0012-default", 1)
    assert not explained("trial-0001", 0)
    assert not explained("heat-0012-trial-0003", 0)


def test_rows_go_to_the_study(tmp_path: Path) -> None:
    question = reuse_question(tmp_path)
    question.sink({"arm": "a"})
    assert list(ReuseLog(tmp_path).rows()) == [{"arm": "a"}]
    assert question.wanted is explained


def note(folder: Path, arm: str, lost_s: float) -> None:
    ReuseLog(folder).append({"arm": arm, "block": 0, "summary": {"lost_s": lost_s}})


def test_the_last_confirmation_is_told(tmp_path: Path) -> None:
    for arm, lost_s in (
        ("trial-0000", 9.0),
        ("confirm-0004-default", 8.0),
        ("confirm-0004-trial-0002", 7.0),
        ("confirm-0008-default", 6.0),
        ("confirm-0008-trial-0012", 5.0),
    ):
        note(tmp_path, arm, lost_s)
    told = told_reuse(tmp_path, default="default", tuned="trial-0012")
    assert told == {"default": {"lost_s": 6.0}, "tuned": {"lost_s": 5.0}}
    assert told_reuse(tmp_path, default="default", closest=None) == {"default": {"lost_s": 6.0}}


def test_without_a_confirmation_the_default_is_its_trial(tmp_path: Path) -> None:
    assert told_reuse(tmp_path, default="default", tuned="trial-0003") == {}
    note(tmp_path, "trial-0000", 9.0)
    assert told_reuse(tmp_path, default="default", tuned="trial-0003") == {
        "default": {"lost_s": 9.0}
    }
