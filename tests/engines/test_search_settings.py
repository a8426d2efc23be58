"""Settings of the search space on the real llama-server: it starts with them and says them back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.candidate import Candidate, Setting
from autotune.launchers.llama_server import LlamaServerLauncher
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext, Server
from autotune.launchers.settings_check import differences
from autotune.launchers.spelling import spelling_of
from autotune.search.build_fit import fit_to_build
from autotune.search.space import to_settings
from autotune.search.space_build import build_space
from autotune.search.space_check import check_space, standing_faults
from autotune.search.space_edits import edited
from autotune.search.space_file import overlay_on, shipped_space
from autotune.search.standing import space_standing

pytestmark = pytest.mark.engines

SYMBOLS: dict[str, Setting] = {
    **dict.fromkeys(("context-needed", "context-default"), 512),
    "context-roomy": 1024,
    **dict.fromkeys(("physical-cores", "logical-cores", "half-cores"), 1),
    **dict.fromkeys(("layers", "most-layers", "half-layers", "quarter-layers"), 30),
}
ASIDE = ("prio", "load-mode", "poll-batch", "numa", "spec-ngram-simple-min-hits")
WANTED: dict[str, Setting] = {
    "slot-prompt-similarity": 0.5,
    "cache-ram": 2048,
    "cache-type-k": "q8_0",
    "cache-type-v": "q4_0",
    "flash-attn": "auto",
    "parallel": 2,
    "spec-type": "ngram-mod",
    "spec-ngram-mod-n-max": 16,
    "spec-ngram-mod-n-min": 48,
    "load-mode": "none",
    "poll-batch": 0,
    "numa": "distribute",
}


def test_the_whole_space_is_known_to_the_installed_build(llama_server: Path) -> None:
    launcher = LlamaServerLauncher(llama_server)
    standing = space_standing(launcher, launcher.detect())
    assert standing_faults(standing, "b11434", "llama-server.toml") == ()
    assert check_space(shipped_space("llama-server"), "llama-server.toml") == ()


def test_it_starts_with_the_newer_settings(
    llama_server: Path,
    smollm2: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: Callable[[Server], Server],
) -> None:
    """K and V of different types, drafts bounded by one another, and flags only for who asks."""
    launcher = LlamaServerLauncher(llama_server)
    build = launcher.detect()
    shipped = shipped_space("llama-server")
    edits = {name: {"choices": shipped.parameters[name].choices} for name in ASIDE}
    file, overlay = edited(shipped, overlay_on(shipped, "cpu"), edits)
    space = build_space(
        file, overlay, SYMBOLS, pins={}, allow_quality_change=True, rolling_state=False
    )
    fitted = fit_to_build(space, lambda n, v: spelling_of(launcher, build, n, v), pins={})
    assert set(WANTED) - {"flash-attn"} <= {*fitted.space.names, *fitted.space.fixed}
    asked = to_settings(fitted.space, {**fitted.space.defaults, **WANTED})
    assert asked["spec-ngram-mod-n-min"] == asked["spec-ngram-mod-n-max"] == 16
    server = stop_later(launch(launcher, Candidate(asked), launch_context(smollm2)))
    told = launcher.effective(server)
    assert differences(server.spec.asked, told) == ()
    assert (told["cache-type-k"], told["cache-type-v"]) == ("q8_0", "q4_0")
    assert told["parallel"] == 2
