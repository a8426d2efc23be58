"""What a config was tuned on, in a form that can be held against tonight."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autotune import __version__
from autotune.errors import MachineError
from autotune.hardware.cpu import read_cpu
from autotune.hardware.gpu import Gpu, GpuProbe
from autotune.hardware.profiles import profile_of
from autotune.hardware.select import select_gpu
from autotune.launchers.protocol import EngineBuild, Launcher
from autotune.nightly.engine_files import libraries_sha256
from autotune.nightly.grown_workload import Grown, grown
from autotune.nightly.newest_model import newest_model, parts_of
from autotune.nightly.sampled_hash import HashCache, Hashed
from autotune.nightly.session_index import SessionFact, indexed
from autotune.nightly.targets import Target
from autotune.search.request import RunRequest
from autotune.search.setup import CPU, find_engine
from autotune.search.space_file import overlay_on
from autotune.search.standing import space_file_of

FINGERPRINT_VERSION = "fingerprint/1"

_ASKED = (
    "objective", "depth", "history", "order", "concurrency", "max_depth", "max_output_tokens",
    "min_context", "quality", "allow_quality_change", "also_model", "headroom", "pins", "fixes",
    "tables",
)  # fmt: skip
"""Of a request, what decides which config is the best one. Budgets and seeds do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Everything that decides whether a config is still the one that was tuned.

    Attributes:
        model: its file's or folder's name.
        model_sha256: of all of it; of several files over their names and hashes.
        model_sample: what a look reads of it (see `sampled_hash`).
        model_bytes: of all its files.
        engine_sha256: of the program; `engine_libraries` of what it comes with, ``None`` without.
        driver: ``None`` where it is not known, and for the processor.
        gpu: the GPU's UUID, or ``cpu``; `gpu_name` is for people.
        workload_digest: of the sessions that are replayed, `workload_sessions` how many.
        space_digest: of the search space as it is shipped, with what the GPU's profile says of it.
        asked: what the target asks for, each as text, by name.
    """

    model: str
    model_sha256: str
    model_sample: str
    model_bytes: int
    engine: str
    engine_version: str
    engine_sha256: str
    engine_libraries: str | None = None
    driver: str | None = None
    gpu: str
    gpu_name: str
    workload_digest: str
    workload_sessions: int
    space_digest: str
    asked: Mapping[str, str] = field(default_factory=dict)
    autotune_version: str

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version."""
        return {"schema_version": FINGERPRINT_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str) -> Fingerprint:
        """What `to_json` wrote. Raises `MachineError` that names `source`."""
        known = {one.name for one in fields(cls)}
        if data.get("schema_version") != FINGERPRINT_VERSION:
            raise MachineError(
                f"{source} is no fingerprint that this version knows",
                "use the autotune that wrote it, or move it away to tune anew",
            )
        try:
            return cls(**{name: value for name, value in data.items() if name in known})
        except TypeError as error:
            raise MachineError(
                f"{source} is damaged: {error}", "move it away: the next night tunes anew"
            ) from error


@dataclass(frozen=True, slots=True)
class Caches:
    """What is remembered between nights, in `folder`; it can be deleted at any time."""

    folder: Path

    @property
    def hashes(self) -> HashCache:
        """Hashes of model files and libraries."""
        return HashCache(self.folder / "file-hashes.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Tonight, as far as it can be known without starting anything.

    `model` is the one that a folder stands for tonight. `gpu` is ``None`` for the processor.
    `workload` are the sessions to replay.
    """

    fingerprint: Fingerprint
    launcher: Launcher
    build: EngineBuild
    gpu: Gpu | None
    model: Path
    workload: Grown


def fingerprint_of(target: Target, probe: GpuProbe, caches: Caches) -> Fingerprint:
    """The fingerprint of tonight, where nothing is known of what was replayed before."""
    return look_at(target, probe, caches).fingerprint


def look_at(
    target: Target,
    probe: GpuProbe,
    caches: Caches,
    *,
    kept: tuple[SessionFact, ...] | None = None,
    now: datetime | None = None,
) -> Seen:
    """Finds and reads everything that the target names; launches nothing.

    `kept` are the sessions that the last tuning replayed: they stay until enough has changed.
    Raises `UserError` and `MachineError` for what is not there or cannot be read.
    """
    gpu = select_gpu(target.request.gpu, probe.gpus())
    launcher, build, _ = find_engine(target.request)
    model = newest_model(target.model)
    there = indexed(target.workload, target.state / "sessions.json")
    workload = grown(there, kept, target.sessions, now or datetime.now(UTC))
    found = {
        **_model_facts(model, caches.hashes),
        **_engine_facts(build, caches.hashes),
        **_machine_facts(gpu),
    }
    print_ = Fingerprint(
        **found,
        workload_digest=workload.digest,
        workload_sessions=len(workload.sessions),
        space_digest=_space_digest(launcher, gpu),
        asked=asked_of(target.request),
        autotune_version=__version__,
    )
    return Seen(
        fingerprint=print_, launcher=launcher, build=build, gpu=gpu, model=model, workload=workload
    )


def _model_facts(model: Path, hashes: HashCache) -> dict[str, Any]:
    parts = [(path, hashes.hashed(path)) for path in parts_of(model)]
    return {
        "model": model.name,
        "model_sha256": _together(parts, lambda one: one.sha256),
        "model_sample": _together(parts, lambda one: one.sample.text),
        "model_bytes": sum(one.sample.size_bytes for _, one in parts),
    }


def _together(parts: list[tuple[Path, Hashed]], told: Any) -> str:
    """Of one file what is told of it; of several one hash over their names and that."""
    if len(parts) == 1:
        return str(told(parts[0][1]))
    total = hashlib.sha256()
    for path, one in parts:
        total.update(f"{path.name} {told(one)}\n".encode())
    return total.hexdigest()


def _engine_facts(build: EngineBuild, hashes: HashCache) -> dict[str, Any]:
    return {
        "engine": build.engine,
        "engine_version": build.version,
        "engine_sha256": build.binary_sha256,
        "engine_libraries": libraries_sha256(Path(build.path), hashes),
    }


def _machine_facts(gpu: Gpu | None) -> dict[str, Any]:
    if gpu is None:
        return {"gpu": CPU, "gpu_name": read_cpu().model, "driver": None}
    return {"gpu": gpu.uuid, "gpu_name": gpu.name, "driver": gpu.driver}


def _space_digest(launcher: Launcher, gpu: Gpu | None) -> str:
    """Of the file and of what the GPU's profile lays over it."""
    file = space_file_of(launcher)
    overlay = overlay_on(file, profile_of(gpu).name)
    both = [file.model_dump(mode="json"), None if overlay is None else overlay.model_dump()]
    return hashlib.sha256(json.dumps(both, sort_keys=True).encode()).hexdigest()


def asked_of(request: RunRequest) -> dict[str, str]:
    """What a request asks for that decides which config is best, as text; what is not said left
    out."""
    values = ((name, getattr(request, name)) for name in _ASKED)
    return {name: _text(value) for name, value in values if _is_said(value)}


def _is_said(value: object) -> bool:
    return value is not None and value is not False and value not in ((), {})


def _text(value: object) -> str:
    plain = isinstance(value, str | int | float)
    return str(value) if plain else json.dumps(value, sort_keys=True, default=str)
