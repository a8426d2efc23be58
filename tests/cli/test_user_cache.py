"""Where a person's cache is."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.cli.user_cache import lock_folder, probe_folder, user_cache


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/autotune"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/autotune"),
        ({"HOME": "/h"}, "/h/.cache/autotune"),
        ({}, str(Path.home() / ".cache" / "autotune")),
    ],
)
def test_by_the_environment(environ: dict[str, str], folder: str) -> None:
    assert user_cache(environ) == Path(folder)
    assert probe_folder(environ) == Path(folder) / "probes"


def test_gpus_are_held_in_one_place_for_nights_and_workers() -> None:
    assert lock_folder({"HOME": "/h"}) == Path("/h/.cache/autotune/nightly/locks")
