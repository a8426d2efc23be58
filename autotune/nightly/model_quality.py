"""Whether a newer file of the same model, quantized harder than the one in use, says the same.

A faster file may be a worse one: fewer bits a weight. So where a newer file is of the same
architecture and size and has fewer bits than the one in use, the guard of ``--quality guard`` asks
both at positions of the captures. Of a file with more bits, and of another model, nothing is asked:
the one is closer to what the model was trained to say, and the other is meant to say other things.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from autotune.candidate import Candidate
from autotune.errors import AutotuneError, UserError
from autotune.hardware.gpu import GpuProbe
from autotune.launchers.model_setting import MODEL
from autotune.models.metadata import read_model
from autotune.scoring.quality import Standing
from autotune.search.guarding import make_gate, reference_settings
from autotune.search.layout import lay_out
from autotune.search.model_files import other_models
from autotune.search.opening import make_measurer, scratch
from autotune.search.quality_store import Finding
from autotune.search.request import ANY, GUARD, RunRequest
from autotune.search.setup import set_up
from autotune.search.space import to_settings
from autotune.search.surveying import surveyed

FOLDER = "model-quality"
"""In a target's state: what was asked last, and the logs of it."""


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """`said` is one sentence, empty where nothing had to be asked. `fails` is whether it is shown
    that the newer file says other things than the one in use."""

    said: str = ""
    fails: bool = False


def is_guarded(old: Path, new: Path, request: RunRequest) -> bool:
    """Whether there is something to ask: one model in two quantizations, the newer one harder."""
    if request.quality == ANY:
        return False
    was = read_model(old)
    try:
        (now,) = other_models([new], was)
    except (UserError, ValueError):
        return False
    weights = [info.weights_bytes or info.file_bytes for info in (was, now)]
    return weights[1] < weights[0]


def model_quality(
    old: Path, new: Path, request: RunRequest, state: Path, probe: GpuProbe
) -> ModelQuality:
    """Asks both files and compares; `request` is that of the retune.

    What keeps them from being asked is told, and nothing is held against the newer one for it.
    """
    if not is_guarded(old, new, request):
        return ModelQuality()
    try:
        found = _finding(old, new, request, state, probe)
    except AutotuneError as error:
        return ModelQuality(f"the quality of {new.name} could not be asked: {error.message}")
    if isinstance(found, str):
        return ModelQuality(f"the quality of {new.name} could not be asked: {found}")
    return _told(found, old, new)


def _finding(
    old: Path, new: Path, request: RunRequest, state: Path, probe: GpuProbe
) -> Finding | str:
    """What the guard finds, or why it cannot ask."""
    folder = state / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    asked = replace(
        request, model=old, also_model=(new,), quality=GUARD, incumbent=None,
        study="both", studies_dir=folder,
    )  # fmt: skip
    setup = set_up(asked, probe)
    with scratch() as work:
        measurer = make_measurer(setup, work, probe)
        survey = surveyed(setup, measurer)
        layout = lay_out(setup, survey)
        gate = make_gate(setup, survey, layout, measurer)
        if reference_settings(setup):
            return "the newer file is the less quantized one"
        if (why := gate.open()) is not None:
            return why
        newer = {**layout.space.defaults, MODEL: str(new.resolve())}
        found = gate.check(Candidate(to_settings(layout.space, newer)))
    return "the file is no setting of this search space" if found is None else found


def _told(found: Finding, old: Path, new: Path) -> ModelQuality:
    if found.verdict.standing is Standing.PASSES:
        return ModelQuality(f"{new.name} says what {old.name} says, within what is accepted")
    reasons = "; ".join(found.verdict.reasons)
    if found.verdict.standing is Standing.CANNOT_TELL:
        return ModelQuality(f"whether {new.name} says what {old.name} says is unclear: {reasons}")
    return ModelQuality(f"{new.name} does not say what {old.name} says: {reasons}", fails=True)
