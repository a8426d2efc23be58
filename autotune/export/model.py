"""What every exporter is given: the tuned configuration and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autotune.candidate import Setting


@dataclass(frozen=True, slots=True)
class ExportProvenance:
    """Where a configuration comes from. Absent is ``None`` and is left out of the comment.

    `speedup` is the default's objective over this configuration's, above 1 is faster, with the
    confirmation's `interval`. `confirmed` says whether that interval was measured by the
    confirmation stage. `depth` is a bucket label, `date` is UTC, ISO 8601. `quality_changing`
    names the settings that can change what the model says, `quality` says what the quality guard
    measured of them. `held` says how deep it was filled, and over how many sessions. `gpu_uuid` is
    ``cpu`` for a processor. `wanted_variables` names what must come from the environment of whoever
    starts the engine: licences, keys. `after` are its figures in the confirmation, by name
    (``ttft_p50_s``, ``decode_p50_tps``, ...).
    """

    study: str
    trial: int | None = None
    engine: str | None = None
    engine_version: str | None = None
    engine_sha256: str | None = None
    model: str | None = None
    model_sha256: str | None = None
    gpu: str | None = None
    workload_digest: str | None = None
    depth: str | None = None
    objective: str | None = None
    speedup: float | None = None
    interval: tuple[float, float] | None = None
    confirmed: bool = False
    verdict: str | None = None
    date: str | None = None
    autotune_version: str | None = None
    quality_changing: tuple[str, ...] = ()
    quality: str | None = None
    held: str | None = None
    gpu_uuid: str | None = None
    wanted_variables: tuple[str, ...] = ()
    after: Mapping[str, float | None] | None = None


@dataclass(frozen=True, slots=True)
class ExportConfig:
    """One configuration to be exported.

    `settings` are those that differ from the engine's defaults, `full_settings` are all that were
    given to the engine, both by flag name without dashes. `argv` is the command line as measured
    (``argv[0]`` is the program) and spells every one of `full_settings`, as ``--flag value``,
    ``--flag=value`` or a switch; `env` is what it needs beyond a normal environment. Neither
    holds a port, a log or a directory that was private to the trial.
    """

    settings: Mapping[str, Setting]
    full_settings: Mapping[str, Setting]
    argv: tuple[str, ...]
    env: Mapping[str, str]
    provenance: ExportProvenance
