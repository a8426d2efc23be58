"""What a comparison of ``cache=on`` with ``cache=off`` leaves besides: its turns, and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.launchers.protocol import CacheArm
from autotune.records import TurnRecord
from autotune.report.cache_experiment import block, write_effect
from autotune.scoring.cache_effect import COLD_ARM, WARM_ARM, cache_effect

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autotune.compare.request import CompareRequest

_NAMES = {CacheArm.ON: WARM_ARM, CacheArm.OFF: COLD_ARM}


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What the experiment shows: a table for a terminal, and the files that hold it all."""

    table: RenderableType
    files: tuple[Path, ...]


def report_cache(
    folder: Path, request: CompareRequest, records: Mapping[str, Sequence[TurnRecord]]
) -> CacheReport:
    """Write what the experiment shows into `folder`. Arms are told by their cache.

    Raises `MachineError` when the disk refuses.
    """
    effect = cache_effect(experiment_records(request, records), seed=request.run.seed)
    return CacheReport(block(effect), write_effect(folder, effect, subject=subject_of(request)))


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
