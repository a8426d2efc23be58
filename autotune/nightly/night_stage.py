"""A config made a generation, and proved before it goes live: the engine takes every file of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from autotune.errors import AutotuneError
from autotune.export.model import ExportConfig
from autotune.export.verify.live import Room
from autotune.export.verify.run import verify_export
from autotune.export.verify.starting import Artefact
from autotune.nightly.fingerprint import Fingerprint
from autotune.nightly.generations import Draft, Generation, Generations
from autotune.nightly.target_site import exports_of
from autotune.nightly.targets import Target
from autotune.search.opening import scratch
from autotune.study.folder import StudyFolder

LOGS = "export-logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What became of one exported file. `problem` is why it would not run as tuned."""

    name: str
    said: str
    problem: str | None = None


def stage(
    target: Target,
    config: ExportConfig,
    study: str,
    why: str,
    fingerprint: Fingerprint,
    gain: Mapping[str, Any],
) -> Generation:
    """The next generation of `target`, whole on the disk; nothing is live yet.

    Raises `UserError` for a format that cannot hold the config, `MachineError` where the disk
    refuses.
    """
    draft = Draft(
        config=config,
        exports=exports_of(target, config),
        study=study,
        why=why,
        fingerprint=fingerprint.to_json(),
        gain=gain,
    )
    return Generations(target.state).stage(draft)


def proofs(
    target: Target, generation: Generation, study: StudyFolder, say: Callable[[str], None]
) -> tuple[Proof, ...]:
    """Every export of `generation` put to its proof: engines are started from theirs."""
    rows = zip(target.places, target.exports, strict=True)
    config = generation.config()
    found = []
    with scratch() as work:
        for place, export in rows:
            # Engines run in folders of their own: a relative path would lead nowhere.
            path = (generation.exports / place.name).absolute()
            artefact = Artefact(path, export.format, config)
            room = Room(target.state.absolute() / LOGS, work / place.name)
            found.append(_proof(artefact, export.options, study, room, say))
    return tuple(found)


def _proof(
    artefact: Artefact, options: Any, study: StudyFolder, room: Room, say: Callable[[str], None]
) -> Proof:
    name = artefact.path.name
    room.work_dir.mkdir(parents=True, exist_ok=True)
    try:
        found = verify_export(artefact, options, study, room, say)
    except AutotuneError as error:
        return Proof(name=name, said=error.message, problem=error.message)
    problems = [*found.problems, *(t.failure for t in found.turns if t.failure is not None)]
    said = "; ".join(problems) or ", ".join(found.checked)
    return Proof(name=name, said=said, problem=None if found.as_tuned else said)
