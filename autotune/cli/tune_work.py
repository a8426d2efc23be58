"""A study, or a worker's part of one, as the work of a process of this host's crew."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.search.events import Summary
from autotune.search.request import RunRequest
from autotune.team.crew import JobEnd, Tell

if TYPE_CHECKING:
    from autotune.team.shared_study import SharedStudy


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneWork:
    """`request` names one GPU by its UUID, or the processor; `locks` is the folder of GPU locks.

    Without `shared` the study is this worker's alone.
    """

    request: RunRequest
    locks: Path
    shared: SharedStudy | None = None

    def do(self, tell: Tell, stop: threading.Event) -> JobEnd:
        """Search, confirm and export. Raises `UserError` and `MachineError`."""
        from autotune.cli.run import with_exports
        from autotune.nightly.gpu_lock import worker_lock

        name = self.request.study if self.shared is None else self.shared.name
        with worker_lock(self.request.gpu, self.locks, name or "a study"):
            summary = with_exports(self._run(tell, stop))
        tell(summary)
        return JobEnd(exit_code=summary.exit_code, result=summary)

    def _run(self, tell: Tell, stop: threading.Event) -> Summary:
        if self.shared is None:
            from autotune.search.session import run_study

            return run_study(self.request, tell, stop)
        from autotune.team.worker import run_worker

        return run_worker(self.request, self.shared, tell, stop)
