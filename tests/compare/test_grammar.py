"""Arms as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.compare.grammar import ArmWords, Base, Kind, parse_arm, parse_arms
from autotune.errors import UserError
from autotune.launchers.protocol import CacheArm
from autotune.replay.plan import History


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("default", Base(Kind.DEFAULT, "default")),
        ("my-study", Base(Kind.STUDY, "my-study")),
        ("my-study:best", Base(Kind.STUDY, "my-study")),
        ("contest/vllm#12", Base(Kind.STUDY, "contest/vllm", 12)),
        ("a=b/exports/config.json", Base(Kind.CONFIG, "a=b/exports/config.json")),
        ("http://127.0.0.1:8080/v1", Base(Kind.ENDPOINT, "http://127.0.0.1:8080/v1")),
        ("localhost:8080", Base(Kind.ENDPOINT, "localhost:8080")),
        ("https://api.openai.com", Base(Kind.ENDPOINT, "https://api.openai.com")),
    ],
)
def test_bases(text: str, base: Base) -> None:
    assert parse_arm(text) == ArmWords(text, base)


@pytest.mark.parametrize(
    ("text", "name", "cache", "history"),
    [
        ("cache=off", "cache=off", CacheArm.OFF, None),
        ("default , cache=on", "cache=on", CacheArm.ON, None),
        ("history=recorded", "history=recorded", None, History.RECORDED),
        (
            "s#7,history=closed-loop,cache=on",
            "s#7,cache=on,history=closed-loop",
            CacheArm.ON,
            History.CLOSED_LOOP,
        ),
    ],
)
def test_what_changes_an_arm(
    text: str, name: str, cache: CacheArm | None, history: History | None
) -> None:
    arm = parse_arm(text)
    assert (arm.name, arm.cache, arm.history) == (name, cache, history)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("cahce=off", "did you mean cache=off?"),
        ("default,cache=of", "did you mean cache=off?"),
        ("default,histroy=recorded", "did you mean history=recorded?"),
        ("default,warm", "one of: cache=on"),
        ("s:bset", "write s:best for its winner, or s#7"),
        ("s#seven", "write s:best for its winner, or s#7"),
        ("default,", "an arm is default, STUDY"),
        ("cache=on,cache=off", "say it once"),
        ("a=b=c", "an arm is default, STUDY"),
    ],
)
def test_wrong_words_say_what_was_meant(text: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_arm(text)
    assert hint in caught.value.hint


def test_the_same_arm_twice_is_measured_twice() -> None:
    arms = parse_arms(["default", "default", "s", "default"])
    assert [arm.name for arm in arms] == ["default", "default (2)", "s", "default (3)"]


@pytest.mark.parametrize("texts", [[], ["default"]])
def test_a_comparison_needs_two_arms(texts: list[str]) -> None:
    with pytest.raises(UserError, match="arms") as caught:
        parse_arms(texts)
    assert "cache=on cache=off" in caught.value.hint


def test_a_file_that_looks_like_a_change_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cache=on.json").write_text("{}")
    assert parse_arm("cache=on.json").base == Base(Kind.CONFIG, "cache=on.json")
