"""Engines by name and by manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.launchers.registry import known_engines, make_launcher


@pytest.mark.parametrize("name", known_engines())
def test_each_known_engine_is_made_without_being_installed(name: str) -> None:
    launcher = make_launcher(name)
    assert launcher.name == name
    assert launcher.search_space


def test_a_manifest_is_an_engine(fake_engine_manifest: Callable[..., Path]) -> None:
    assert make_launcher(str(fake_engine_manifest())).name == "fake"


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(UserError, match="unknown engine 'lama-server'") as caught:
        make_launcher("lama-server")
    assert caught.value.hint.startswith("did you mean llama-server?")


def test_a_manifest_that_is_not_there() -> None:
    with pytest.raises(UserError, match="cannot read the manifest nowhere"):
        make_launcher("nowhere.toml")
