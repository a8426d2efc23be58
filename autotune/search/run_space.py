"""The space of a run as it is asked for: the engine's, the GPU's, and what a person says of it."""

from __future__ import annotations

from dataclasses import dataclass

from autotune.launchers.spelling import spelling_of
from autotune.search.setup import Setup
from autotune.search.space_edits import edited
from autotune.search.space_entries import Overlay, SpaceFile
from autotune.search.space_file import overlay_on
from autotune.search.space_words import Asked, Said, Words
from autotune.search.standing import space_file_of


@dataclass(frozen=True, slots=True)
class RunSpace:
    """The file and the overlay with a person's edits laid over both, and what was said."""

    file: SpaceFile
    overlay: Overlay | None
    said: Said


def run_space(setup: Setup) -> RunSpace:
    """What `setup` searches in. Raises `UserError` for flags and values that its engine has not."""
    request, launcher, build = setup.request, setup.launcher, setup.build
    file = space_file_of(launcher)
    words = Words(
        file,
        build,
        lambda name, value: spelling_of(launcher, build, name, value),
        quality=request.searches_quality,
    )
    said = words.read(Asked(request.pins, request.fixes, request.tables))
    whole, overlay = edited(file, overlay_on(file, setup.gpu_class), said.edits)
    return RunSpace(whole, overlay, said)
