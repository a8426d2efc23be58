"""Paths measured one after the other on the same turns, and resumed where they stopped."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from autotune.errors import AutotuneError
from autotune.hardware.gpu import Gpu
from autotune.hardware.telemetry import TelemetrySampler
from autotune.paths.attach import attach
from autotune.paths.events import Listener, PathEnded, PathStarted, PathTurn, TableOpened
from autotune.paths.folder import PathsFolder
from autotune.paths.launching import Bench, launched
from autotune.paths.progress import RESUMED, Progress, progress_of
from autotune.paths.refusals import FINAL, refusal, warm_up_error
from autotune.paths.served import Served
from autotune.paths.spec import AttachedPath, LaunchedPath, ServingPath
from autotune.paths.spending import Spending, check_limit, estimate
from autotune.paths.turns import Turns
from autotune.records import TurnRecord
from autotune.replay.driver import replay, warm_up
from autotune.replay.nonce import make_nonce
from autotune.replay.verdict import status_in
from autotune.study.lock import study_lock
from autotune.study.turn_log import TurnLog

RETRIED = "retried"
OTHER_PROVIDER = "other provider"
COST_STOP = "the next turn could pass --max-cost"
ASKED_TO_STOP = "asked to stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathsRequest:
    """What is measured into `folder`. With `again` also paths that it already holds."""

    paths: Sequence[ServingPath]
    turns: Turns
    folder: PathsFolder
    workload: str
    redacted: bool
    work_dir: Path
    gpu: Gpu | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class PathsOutcome:
    """How it ended. `stopped` says why something is left; the same command goes on with it."""

    stopped: str | None = None


def measure_paths(request: PathsRequest, listener: Listener, stop: threading.Event) -> PathsOutcome:
    """Measure every path of `request` that is not whole yet. `stop` ends it after a turn.

    Each turn is on disk the moment it ends. Raises `UserError` and `MachineError` for a path that
    cannot be measured; what was measured before stays.
    """
    folder, turns = request.folder, request.turns
    with study_lock(folder.lock_path):
        folder.begin(request.workload, turns, _facts(request))
        plan = turns.plan
        listener(
            TableOpened(
                folder=str(folder.path),
                sessions=len(plan.session_ids),
                turns=len(plan.turns),
                paths=len(request.paths),
                notes=turns.notes,
            )
        )
        log = folder.turn_log()
        try:
            for path in request.paths:
                reason = _Path(request, path, listener, stop, log).measure()
                if reason is not None:
                    return PathsOutcome(reason)
        finally:
            log.close()
    return PathsOutcome()


def _facts(request: PathsRequest) -> dict[str, object]:
    plan = request.turns.plan
    return {
        "history": plan.history.value,
        "concurrency": plan.concurrency,
        "redacted": request.redacted,
    }


@dataclass(slots=True)
class _Path:
    """One path under way."""

    request: PathsRequest
    path: ServingPath
    listener: Listener
    stop: threading.Event
    log: TurnLog
    fatal: AutotuneError | None = None
    first_provider: str | None = None
    progress: Progress = field(init=False)
    spending: Spending = field(init=False)

    def measure(self) -> str | None:
        """Everything that is left of it; why something still is, or ``None``."""
        name, plan = self.path.name, self.request.turns.plan
        earlier = self.request.folder.records()
        self.progress = progress_of(name, earlier, plan, again=self.request.again)
        if isinstance(self.path, LaunchedPath):
            self.request.folder.check_path(name, self.path.identity)
        if not self.progress.left.turns:
            self.listener(PathEnded(name, whole=True, reason="measured before"))
            return None
        if self.stop.is_set():
            return ASKED_TO_STOP
        providers = (r.provider for r in self.progress.records if r.provider)
        self.first_provider = next(providers, None)
        with self._served() as served:
            self._begin(served, sum(r.cost_usd or 0.0 for r in earlier if r.arm == name))
            self._replay(served)
        return self._ended()

    @contextmanager
    def _served(self) -> Iterator[Served]:
        plan = self.request.turns.plan
        if isinstance(self.path, AttachedPath):
            yield attach(self.path, plan, f"autotune-{self._seed():08x}")
            return
        bench = Bench(
            logs_dir=self.request.folder.logs,
            work_dir=self.request.work_dir,
            seed=self._seed(),
            gpu_uuid=None if self.request.gpu is None else self.request.gpu.uuid,
            gpu_pin=None if self.request.gpu is None else self.request.gpu.pin,
        )
        label = f"{_file_name(self.path.name)}-b{self.progress.block}"
        with launched(self.path, plan, bench, label) as served:
            yield served

    def _seed(self) -> int:
        """Of this table and path: another table finds nothing of this one in any cache."""
        words = f"{self.request.folder.path.resolve()}\n{self.path.name}"
        return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big")

    def _begin(self, served: Served, spent_usd: float) -> None:
        """Money first, then one short request, and then it is written down."""
        folder, name, left = self.request.folder, self.path.name, self.progress.left
        folder.check_path(name, served.facts["identity"])
        depths, limit = self.request.turns.depths, _limit(self.path)
        found = estimate(left, depths, served.prices) if served.prices else None
        check_limit(found, limit, spent_usd, hosted=bool(served.facts["hosted"]), name=name)
        self.spending = Spending(left, depths, served.prices, limit, spent_usd)
        self.listener(
            PathStarted(
                name=name,
                serves=str(served.facts["serves"]),
                turns=len(self.request.turns.plan.turns),
                done=self.progress.done,
                notes=served.notes,
                cost=found.text() if found else None,
            )
        )
        error = warm_up_error(warm_up(served.endpoint), *_who(self.path, served))
        if error is not None:
            raise error
        folder.write_path(name, {**served.facts, "notes": list(served.notes)})

    def _replay(self, served: Served) -> None:
        block, attempt = self.progress.block, self.progress.attempt
        arm = f"{self.path.name}/{attempt}" if attempt else self.path.name

        with TelemetrySampler(probe=None, gpu_uuid=None) as telemetry:

            def sink(record: TurnRecord) -> None:
                self._take(_watched(record, telemetry, served), served)

            replay(
                self.progress.left,
                served.endpoint,
                arm=self.path.name,
                block=block,
                nonce=make_nonce(self._seed(), arm, block),
                sink=sink,
                should_stop=self._should_stop,
            )

    def _should_stop(self) -> bool:
        return self.stop.is_set() or self.fatal is not None or self.spending.exhausted()

    def _take(self, record: TurnRecord, served: Served) -> None:
        """Mark, price and keep a turn."""
        record = replace(record, cost_usd=self.spending.cost_usd(record), mark=self._mark(record))
        if record.failure == "crash" and (why := served.why_dead()) is not None:
            record = replace(record, detail=f"{record.detail}; {why.message}")
        self.log.append(record)
        self.spending.add(record)
        spent = self.spending.spent_usd if self.spending.prices or record.cost_usd else None
        self.listener(PathTurn(self.path.name, record, spent))
        status = status_in(record.detail) if record.failure else None
        if status in FINAL and self.fatal is None:
            said = str(record.detail).partition(": ")[2]
            self.fatal = refusal(status, *_who(self.path, served), said)

    def _mark(self, record: TurnRecord) -> str | None:
        """Why the times of this turn do not compare with those of the others."""
        if record.retries:
            return RETRIED
        self.first_provider = self.first_provider or record.provider
        if record.provider not in (None, self.first_provider):
            return OTHER_PROVIDER
        resumed = (record.session_id, record.turn) in self.progress.resumed
        return RESUMED if resumed and record.ok else None

    def _ended(self) -> str | None:
        if self.fatal is not None:
            raise self.fatal
        now = progress_of(self.path.name, self.request.folder.records(), self.request.turns.plan)
        reason = None
        if now.left.turns and self.spending.stopped:
            reason = COST_STOP
        elif now.left.turns and self.stop.is_set():
            reason = ASKED_TO_STOP
        self.listener(PathEnded(self.path.name, whole=not now.left.turns, reason=reason))
        return reason


def _watched(record: TurnRecord, telemetry: TelemetrySampler, served: Served) -> TurnRecord:
    """`record` with what this machine did meanwhile, where it is this machine that serves."""
    if record.wall_s is None or served.facts["hosted"]:
        return record
    now_s = time.monotonic()
    return replace(record, machine=telemetry.turn(now_s - record.wall_s, now_s))


def _limit(path: ServingPath) -> float | None:
    return path.max_cost_usd if isinstance(path, AttachedPath) else None


def _who(path: ServingPath, served: Served) -> tuple[str, str | None]:
    """What to call a server in an error, and where its key came from."""
    key_name = path.key_name if isinstance(path, AttachedPath) else None
    return served.endpoint.base_url.partition("//")[2].partition("/")[0], key_name


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name)
