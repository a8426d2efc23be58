"""What a comparison of ``cache=on`` with ``cache=off`` leaves besides: its turns, and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.launchers.protocol import CacheArm
from autotune.records import TurnRecord
from autotune.report.cache_experiment import write
from autotune.scoring.cache_effect import COLD_ARM, WARM_ARM

if TYPE_CHECKING:
    from autotune.compare.request import CompareRequest

_NAMES = {CacheArm.ON: WARM_ARM, CacheArm.OFF: COLD_ARM}


def write_cache_files(
    folder: Path, request: CompareRequest, records: Mapping[str, Sequence[TurnRecord]]
) -> tuple[Path, ...]:
    """Write what the experiment shows into `folder`; the paths. Arms are told by their cache."""
    return write(folder, experiment_records(request, records), subject=subject_of(request))


def experiment_records(
    request: CompareRequest, records: Mapping[str, Sequence[TurnRecord]]
) -> list[TurnRecord]:
    """Every record, its arm called ``cache=on`` or ``cache=off`` whatever it was built on."""
    names = {arm.name: _NAMES[arm.cache] for arm in request.arms if arm.cache is not None}
    return [replace(r, arm=names[name]) for name, rows in records.items() for r in rows]


def subject_of(request: CompareRequest) -> str:
    """Engine and model, for the plot."""
    path = request.arms[0].launched
    return "" if path is None else f"{Path(path.engine).stem}, {path.model.name}"
