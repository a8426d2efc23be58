"""How a person writes durations, tokens and pins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from autotune.config.values import (
    Duration,
    EngineNames,
    EnginePaths,
    Pins,
    Tokens,
    parse_pins,
)

DURATION: TypeAdapter[float] = TypeAdapter(Duration)
TOKENS: TypeAdapter[int] = TypeAdapter(Tokens)
PINS: TypeAdapter[dict[str, bool | int | float | str]] = TypeAdapter(Pins)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("1D", 86400.0),
        ("45", 45.0),
        (600, 600.0),
        ("1 h 30 m", 5400.0),
    ],
)
def test_durations_are_seconds(text: object, seconds: float) -> None:
    assert DURATION.validate_python(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "10 parsecs", "10x", "-5m", "nan", "inf", True, [], None]
)
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValidationError) as caught:
        DURATION.validate_python(text)
    assert "90s" in caught.value.errors()[0]["ctx"]["hint"]


@pytest.mark.parametrize(
    ("text", "tokens"), [("30000", 30000), ("30k", 30000), ("1.5K", 1500), (7, 7)]
)
def test_k_is_a_thousand_tokens(text: object, tokens: int) -> None:
    assert TOKENS.validate_python(text) == tokens


@pytest.mark.parametrize("text", ["30kk", "0.0001k", "many", ""])
def test_what_is_no_token_count_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TOKENS.validate_python(text)


@pytest.mark.parametrize(
    ("raw", "pins"),
    [
        (["batch-size=512", "flash-attn=on"], {"batch-size": 512, "flash-attn": "on"}),
        (["--mlock=true", "no-mmap=FALSE"], {"mlock": True, "no-mmap": False}),
        (["tensor-split=3,1"], {"tensor-split": "3,1"}),
        (["x=a=b"], {"x": "a=b"}),
        (["x="], {"x": ""}),
        ("a=1 b=0.5", {"a": 1, "b": 0.5}),
        ('{"a": 1, "b": "on"}', {"a": 1, "b": "on"}),
        ('["a=1", "b=x y"]', {"a": 1, "b": "x y"}),
        ({"a": True}, {"a": True}),
        ({"a": "007"}, {"a": 7}),
    ],
)
def test_pins_look_like_what_they_are(raw: object, pins: dict[str, object]) -> None:
    found = PINS.validate_python(raw)
    assert found == pins
    assert [type(v) for v in found.values()] == [type(v) for v in pins.values()]


@pytest.mark.parametrize("raw", [["a"], ["=1"], "{oops", {"a": None}, {"a": [1]}, 5])
def test_what_is_no_pin_is_refused(raw: object) -> None:
    with pytest.raises(ValidationError):
        PINS.validate_python(raw)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True), st.integers()))
@settings(max_examples=30, deadline=None)
def test_pairs_and_tables_say_the_same(pins: dict[str, int]) -> None:
    assert parse_pins([f"--{name}={value}" for name, value in pins.items()]) == parse_pins(pins)


PATHS: TypeAdapter[dict[str, Path]] = TypeAdapter(EnginePaths)
NAMES: TypeAdapter[str] = TypeAdapter(EngineNames)


@pytest.mark.parametrize(
    ("said", "paths"),
    [
        ("m.gguf", {"": "m.gguf"}),
        (Path("m.gguf"), {"": "m.gguf"}),
        ("a=x.gguf,b=/y", {"a": "x.gguf", "b": "/y"}),
        (["a=x.gguf", "b=/y"], {"a": "x.gguf", "b": "/y"}),
        ('["a=x.gguf", "m"]', {"a": "x.gguf", "": "m"}),
        ({"a": "x", "": "m"}, {"a": "x", "": "m"}),
        ("./mine.toml=x,b=y", {"./mine.toml": "x", "b": "y"}),
        ("./a=b.gguf", {"": "a=b.gguf"}),
        ("a=x,y", {"a": "x,y"}),
        ("/models/a,b.gguf", {"": "/models/a,b.gguf"}),
        (["m", "n"], {"": "n"}),
    ],
)
def test_paths_may_be_of_one_engine(said: Any, paths: dict[str, str]) -> None:
    found = PATHS.validate_python(said)
    assert {name: str(path) for name, path in found.items()} == paths


@pytest.mark.parametrize("said", [3, [1], "", [""]])
def test_what_is_no_path_is_refused(said: Any) -> None:
    with pytest.raises(ValidationError, match="is not a path"):
        PATHS.validate_python(said)


def test_paths_are_shown_as_they_are_written() -> None:
    assert PATHS.dump_python({"": Path("m")}) == "m"
    assert PATHS.dump_python({"a": Path("x"), "": Path("m")}) == {"a": "x", "every engine": "m"}


def test_engines_may_be_a_list() -> None:
    assert NAMES.validate_python(["a", "b.toml"]) == "a,b.toml"
    assert NAMES.validate_python("a,b") == "a,b"


def test_pins_may_be_of_one_engine() -> None:
    flat = {"threads": 2, "vllm:block-size": 32}
    assert PINS.validate_python(["threads=2", "vllm:block-size=32"]) == flat
    assert PINS.validate_python({"threads": 2, "vllm": {"block-size": 32}}) == flat
