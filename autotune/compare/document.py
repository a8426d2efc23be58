"""``compare.json``: what was compared, on what, how far it is, and what it showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from autotune import __version__
from autotune.compare.figures import by_depth, figures
from autotune.compare.narrow import widest
from autotune.compare.opening import Stage
from autotune.compare.progress import Progress
from autotune.compare.request import METRICS, CompareRequest
from autotune.compare.verdicts import Judging
from autotune.hardware.cpu import read_cpu
from autotune.search.setup import CPU


@dataclass(slots=True)
class Document:
    """Written again and again while blocks are measured; `created_at` is when it was begun."""

    request: CompareRequest
    stage: Stage
    created_at: str

    def measuring(self, progress: Progress) -> dict[str, Any]:
        """What is known between two blocks: everything but the verdicts, which take time."""
        return {**self._head("measuring", None), **self._measured(progress), "verdicts": []}

    def ended(self, progress: Progress, reason: str, stopped: bool) -> dict[str, Any]:
        """Everything, when nothing more is measured. `stopped` is whether something is left."""
        records = progress.compared()
        judging = self.judging
        overall = judging.overall(records)
        buckets = judging.buckets(records)
        document = {
            **self._head("stopped" if stopped else "done", reason),
            **self._measured(progress),
            "verdicts": [row.to_json() for row in (*overall, *judging.by_depth(records))],
        }
        chosen = [METRICS[name] for name in self.request.metrics]
        document["floor"] = judging.floor(records)
        width = widest(row.said for row in overall if row.said.metric in chosen)
        document["reached"] = None if width is None or width == float("inf") else width
        document["baseline"] = next(iter(records), document["baseline"])
        for arm in document["arms"]:
            found = records.get(arm["name"], [])
            blocks = len({record.block for record in found})
            arm["figures"] = figures(found, blocks) if found else None
            arm["by_depth"] = by_depth(found, buckets) if found else []
        return document

    @property
    def judging(self) -> Judging:
        """How arms are compared."""
        return Judging(self.stage.depths, self.request.run.seed, self.stage.depth)

    def _head(self, status: str, reason: str | None) -> dict[str, Any]:
        request, stage, gpu = self.request, self.stage, self.stage.gpu
        return {
            "status": status,
            "ended": reason,
            "created_at": self.created_at,
            "updated_at": now(),
            "autotune_version": __version__,
            "baseline": request.arms[0].name,
            "cache_experiment": request.is_cache_experiment,
            "run": self._run(),
            "gpu": CPU if gpu is None else gpu.uuid,
            "gpu_name": None if gpu is None else gpu.name,
            "driver": None if gpu is None else gpu.driver,
            "host_cpu": read_cpu().model,
            "sample": stage.sample.to_json(),
            "notes": list(stage.notes),
        }

    def _run(self) -> dict[str, Any]:
        run, request = self.request.run, self.request
        return {
            "workload": str(run.workload),
            "workload_digest": self.stage.sample.workload.digest,
            "sessions": self.stage.sessions,
            "turns": self.stage.turns,
            "deepest_tokens": max(self.stage.depths.values(), default=0),
            "order": run.order,
            "concurrency": run.concurrency,
            "max_depth": run.max_depth,
            "max_output_tokens": run.max_output_tokens,
            "seed": run.seed,
            "depth": run.depth,
            "until": request.until,
            "metrics": list(request.metrics),
            "blocks": request.blocks,
            "budget_s": request.budget_s,
        }

    def _measured(self, progress: Progress) -> dict[str, Any]:
        return {
            "blocks": progress.done,
            "seconds": round(progress.seconds, 3),
            "made_again": progress.again,
            "made_again_s": round(progress.again_s, 3),
            "never_quiet": progress.never_quiet,
            "arms": [self._arm(name, progress) for name in progress.names],
            "measurements": progress.rows,
        }

    def _arm(self, name: str, progress: Progress) -> dict[str, Any]:
        facts = next((dict(s.facts) for s in self.stage.sides if s.arm.name == name), None)
        rows: list[Mapping[str, Any]] = [row for row in progress.rows if row["arm"] == name]
        effective = next((row["effective"] for row in reversed(rows) if row["effective"]), None)
        return {
            **(facts or {"name": name}),
            "effective": effective,
            "blocks": progress.blocks(name),
            "disturbed": sum(bool(row["disturbed"]) for row in rows),
            "failure": progress.failed.get(name),
        }


def now() -> str:
    """UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
