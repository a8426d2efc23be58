"""A study, or a worker's part of one, as the work of a process of this host's crew."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from autotune.search.events import Summary
from autotune.search.request import RunRequest
from autotune.team.crew import JobEnd, Tell


@dataclass(frozen=True, slots=True)
class SharedName:
    """A study that several workers search: its storage's address (without a password), and its
    name."""

    storage: str
    study: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneWork:
    """`request` names one GPU by its UUID, or the processor; `locks` is the folder of GPU locks.

    Without `shared` the study is this worker's alone.
    """

    request: RunRequest
    locks: Path
    shared: SharedName | None = None

    def do(self, tell: Tell, stop: threading.Event) -> JobEnd:
        """Search, confirm and export. Raises `UserError` and `MachineError`."""
        from autotune.cli.run import with_exports
        from autotune.nightly.gpu_lock import worker_lock

        name = self.request.study if self.shared is None else self.shared.study
        with worker_lock(self.request.gpu, self.locks, name or "a study"):
            summary = with_exports(self._run(tell, stop))
        tell(summary)
        return JobEnd(exit_code=summary.exit_code, result=summary)

    def _run(self, tell: Tell, stop: threading.Event) -> Summary:
        if self.shared is None:
            from autotune.search.session import run_study

            return run_study(self.request, tell, stop)
        from autotune.team.storage_url import parse_storage
        from autotune.team.worker import SharedStudy, run_worker

        shared = SharedStudy(url=parse_storage(self.shared.storage), name=self.shared.study)
        return run_worker(self.request, shared, tell, stop)
