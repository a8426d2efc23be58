"""All that a target's nights leave behind, bounded in one go: what a night does at its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.generations import Generation, Generations
from autotune.nightly.journal import Journal
from autotune.nightly.prune import (
    Pruned,
    PruneRule,
    nightly_studies,
    prune,
    prune_schedule_log,
    remove,
    state_folder,
)
from autotune.nightly.session_files import unneeded
from autotune.nightly.settled import read_settled

SCHEDULE_LOG_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was removed, or would be."""

    pruned: Pruned
    generations: tuple[int, ...] = ()
    captures: tuple[str, ...] = ()
    captures_bytes: int = 0
    journal_lines: int = 0
    schedule_log_bytes: int = 0

    @property
    def freed_bytes(self) -> int:
        """Of studies, nights, engine logs, captures and the schedule's log; the rest is small."""
        return self.pruned.freed_bytes + self.captures_bytes + self.schedule_log_bytes


def kept_studies(generations: Generations) -> frozenset[str]:
    """The studies that the live config and the one before it were found by, and the last one that
    came to its end: later canaries are asked its turns."""
    found: tuple[Generation | None, ...] = (generations.live(), generations.previous())
    studies = {generation.study for generation in found if generation is not None}
    return frozenset(studies | _settled_on(generations.state))


def _settled_on(state: Path) -> set[str]:
    """What cannot be read is told by the night that needs it."""
    try:
        settled = read_settled(state)
    except MachineError:
        return set()
    return set() if settled is None else {settled.study}


def tidy(
    studies_dir: Path,
    target: str,
    rule: PruneRule,
    keep_generations: int,
    *,
    dry_run: bool = False,
) -> Tidied:
    """Prunes studies, nights, logs, generations and the journal of a target.

    `keep_generations` counts configs to roll back to; the live one and the one before it stay.

    The caller holds the target's lock, as the journal and the generations are written here. Raises
    `MachineError` when the disk refuses.
    """
    state = state_folder(studies_dir, target)
    generations = Generations(state)
    pruned = prune(studies_dir, target, rule, kept_studies(generations), dry_run=dry_run)
    log_bytes = prune_schedule_log(studies_dir, SCHEDULE_LOG_BYTES, dry_run=dry_run)
    stay = [s for s in nightly_studies(studies_dir, target) if s.name not in pruned.studies]
    captures = {path.name: remove(path, dry_run) for path in unneeded(state, stay)}
    return Tidied(
        pruned,
        generations=() if dry_run else generations.prune(keep_generations),
        captures=tuple(captures),
        captures_bytes=sum(captures.values()),
        journal_lines=0 if dry_run else Journal(state / "journal.jsonl").compact(),
        schedule_log_bytes=log_bytes,
    )
