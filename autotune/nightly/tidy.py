"""All that a target's nights leave behind, bounded in one go: what a night does at its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autotune.nightly.generations import Generation, Generations
from autotune.nightly.journal import Journal
from autotune.nightly.prune import Pruned, PruneRule, prune, prune_schedule_log, state_folder

SCHEDULE_LOG_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was removed, or would be."""

    pruned: Pruned
    generations: tuple[int, ...] = ()
    journal_lines: int = 0
    schedule_log_bytes: int = 0

    @property
    def freed_bytes(self) -> int:
        """Of studies, nights, engine logs and the schedule's log; the rest is small."""
        return self.pruned.freed_bytes + self.schedule_log_bytes


def kept_studies(generations: Generations) -> frozenset[str]:
    """The studies that the live config and the one before it were found by."""
    found: tuple[Generation | None, ...] = (generations.live(), generations.previous())
    return frozenset(generation.study for generation in found if generation is not None)


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
    if dry_run:
        return Tidied(pruned, schedule_log_bytes=log_bytes)
    gone = generations.prune(keep_generations)
    lines = Journal(state / "journal.jsonl").compact()
    return Tidied(pruned, gone, lines, log_bytes)
