"""What is known of this machine's noise, kept from one study to the next."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from autotune.errors import MachineError
from autotune.replay.plan import ReplayPlan
from autotune.scoring.noise import NoiseFloor
from autotune.search.layout import Layout
from autotune.search.setup import Setup
from autotune.study.files import read_json, write_json

SCHEMA_VERSION = "noise-floor/1"

MOST_AGE = timedelta(days=7)
"""Drivers, kernels and neighbours change: what is older is measured anew."""


@dataclass(frozen=True, slots=True)
class FloorKey:
    """What a floor holds for. Noise depends on how long turns are, so `shape` says roughly that."""

    host: str
    cpu: str
    gpu: str
    engine: str
    engine_version: str
    model: str
    shape: str

    @property
    def file_name(self) -> str:
        """A short name that another key does not have."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def floor_key(setup: Setup, layout: Layout) -> FloorKey:
    """Of a study, or of an A/A run that is set up like one."""
    return FloorKey(
        host=platform.node(),
        cpu=setup.cpu.model,
        gpu=setup.gpu_id,
        engine=setup.build.engine,
        engine_version=setup.build.version,
        model=setup.model_digest,
        shape=shape_of(layout.search_plan, layout.deepest_tokens),
    )


def shape_of(plan: ReplayPlan, deepest_tokens: int) -> str:
    """Turns and depth to the power of two below: ``16+ turns, 1024+ tokens``."""
    turns = 1 << max(0, len(plan.turns).bit_length() - 1)
    tokens = 1 << max(0, deepest_tokens.bit_length() - 1)
    return f"{turns}+ turns, {tokens}+ tokens"


@dataclass(frozen=True, slots=True)
class FloorCache:
    """Floors in `folder`, one file a key; without a folder nothing is kept.

    What is there can be deleted at any time. A damaged file is as good as none.
    """

    folder: Path | None

    def read(self, key: FloorKey, now: datetime | None = None) -> NoiseFloor | None:
        """The floor of `key`, when there is one and it is not older than `MOST_AGE`."""
        data = self._stored(key)
        if data is None or data.get("of") != asdict(key):
            return None
        try:
            floor = NoiseFloor.from_json(data["floor"])
            age = (now or datetime.now(UTC)) - datetime.fromisoformat(floor.measured_at)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return floor if timedelta(0) <= age <= MOST_AGE else None

    def write(self, key: FloorKey, floor: NoiseFloor) -> None:
        """Keep `floor`; a cache that cannot be written is no reason to end a study."""
        if self.folder is None or not floor.is_measured:
            return
        content = {"schema_version": SCHEMA_VERSION, "of": asdict(key), "floor": floor.to_json()}
        try:
            write_json(self.folder / key.file_name, content)
        except MachineError:
            return

    def _stored(self, key: FloorKey) -> dict[str, Any] | None:
        if self.folder is None:
            return None
        try:
            return read_json(self.folder / key.file_name)
        except MachineError:
            return None


def age_of(floor: NoiseFloor, now: datetime | None = None) -> timedelta | None:
    """How old a floor is; ``None`` for one that was not measured."""
    if not floor.measured_at:
        return None
    return (now or datetime.now(UTC)) - datetime.fromisoformat(floor.measured_at)
