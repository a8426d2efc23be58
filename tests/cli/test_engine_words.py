"""What the settings say of engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.cli.engine_words import engine_requests, engine_words
from autotune.cli.run import Run
from autotune.config.settings import EngineSettings
from autotune.errors import UserError
from autotune.search.contest.request import ContestRequest
from autotune.search.request import RunRequest


def test_engines_are_parted_at_commas() -> None:
    settings = EngineSettings.model_validate({"engine": "a, b.toml,", "model": "a=x"})
    found = engine_words(settings, {"b:n": 1})
    assert found.engines == ("a", "b.toml")
    assert (found.models, found.paths, found.pins) == ({"a": Path("x")}, {}, {"b:n": 1})


def test_no_engine_is_refused() -> None:
    with pytest.raises(UserError, match="names no engine"):
        engine_words(EngineSettings(engine=" , "), {})


def test_each_engine_is_asked_for_its_own() -> None:
    one = engine_requests(EngineSettings.model_validate({"model": "m"}))
    assert one == {"auto": RunRequest(workload=Path(), model=Path("m"))}
    two = engine_requests(
        EngineSettings.model_validate(
            {"engine": ["llama-server", "reference"], "model": ["m", "reference=n"]}
        )
    )
    assert {label: request.model for label, request in two.items()} == {
        "llama-server": Path("m"),
        "reference": Path("n"),
    }


def test_a_run_of_several_engines_is_a_contest() -> None:
    made = Run.model_validate(
        {
            "workload": "w",
            "engine": "reference,llama-server",
            "model": "m.gguf",
            "set": ["llama-server:threads=2"],
            "trials": 9,
        }
    ).request()
    assert isinstance(made, ContestRequest)
    assert made.labels == ("reference", "llama-server")
    assert [entrant.request.pins for entrant in made.entrants] == [{}, {"threads": 2}]
    assert made.shared.trials == 9
