"""``autotune nightly prune``: what nights left on disk, within what the targets keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.nightly_targets import demand_targets
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from autotune.nightly.targets import Target
    from autotune.nightly.tidy import Tidied

_MIB = 1024 * 1024


class NightlyPrune(StudiesSettings):
    """Remove what nights left beyond what their targets keep, the oldest first.

    Every night ends with this; by hand it is for after keep was made smaller. Studies of your own
    are never touched, nor what the live config and the one before it stand on.

    Examples:
        autotune nightly prune --dry-run
        autotune nightly prune coder
    """

    targets: CliPositionalArg[list[str]] = Field(
        default_factory=list, description="only these targets (default: all of ./autotune.toml)"
    )
    dry_run: bool = Field(False, description="say what would be removed; remove nothing")

    def run(self, io: CommandIO) -> int:
        """Removes, target by target, and says what."""
        rows = [(t, self._tidied(t)) for t in demand_targets(self.studies_dir, self.targets)]
        if io.json:
            told = [_row(target, tidied) for target, tidied in rows]
            io.emit_json({"dry_run": self.dry_run, "targets": told})
            return int(ExitCode.DONE)
        for target, tidied in rows:
            io.out.print(self._line(target, tidied), markup=False, soft_wrap=True)
        return int(ExitCode.DONE)

    def _tidied(self, target: Target) -> Tidied:
        """Raises `MachineError` while a night of the target runs."""
        from autotune.nightly.gpu_lock import state_lock
        from autotune.nightly.tidy import tidy

        keep, generations = target.keep, target.keep_generations
        with state_lock(target.state, target.name):
            return tidy(self.studies_dir, target.name, keep, generations, dry_run=self.dry_run)

    def _line(self, target: Target, tidied: Tidied) -> str:
        from autotune.report.text import plural

        pruned = tidied.pruned
        parts = [
            *([plural(len(pruned.studies), "study")] if len(pruned.studies) == 1 else []),
            *([f"{len(pruned.studies)} studies"] if len(pruned.studies) > 1 else []),
            *([plural(len(pruned.nights), "night")] if pruned.nights else []),
            *([plural(pruned.logs, "log")] if pruned.logs else []),
            *([plural(len(tidied.captures), "capture")] if tidied.captures else []),
            *([plural(len(tidied.generations), "generation")] if tidied.generations else []),
        ]
        if not parts and not tidied.freed_bytes:
            return f"{target.name}: nothing to remove"
        verb = "would remove" if self.dry_run else "removed"
        what = ", ".join(parts) or "old lines of the schedule's log"
        return f"{target.name}: {verb} {what}; {tidied.freed_bytes / _MIB:.1f} MiB"


def _row(target: Target, tidied: Tidied) -> dict[str, Any]:
    return {
        "target": target.name,
        "studies": tidied.pruned.studies,
        "nights": tidied.pruned.nights,
        "logs": tidied.pruned.logs,
        "captures": tidied.captures,
        "generations": tidied.generations,
        "freed_bytes": tidied.freed_bytes,
    }
