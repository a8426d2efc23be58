"""What a contest was measured on: each engine's own provenance, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autotune.search.contest.opened import Opened, of_engine
from autotune.search.opening import check_provenance
from autotune.search.shared import SharedTurns
from autotune.study.folder import StudyFolder

SCHEMA_VERSION = "contest/1"

SHARED = (
    "gpu", "gpu_name", "driver", "workload", "workload_digest", "objective", "history", "seed",
    "autotune_version", "host_cpu", "created_at", "versions",
)  # fmt: skip
"""What is the same for every engine of a contest."""


def check_all(
    folder: StudyFolder, opened: Sequence[Opened], shared: SharedTurns, baseline: str
) -> None:
    """Refuse to go on with studies that were measured on something else; note new ones.

    Raises `UserError` that names the engine.
    """
    for one in opened:
        with of_engine(one.label):
            check_provenance(one.setup, one.layout)
        one.setup.folder.write_shared(shared.to_json())
    if not folder.exists():
        folder.write_provenance(contest_facts(opened, baseline))


def contest_facts(opened: Sequence[Opened], baseline: str) -> dict[str, Any]:
    """``provenance.json`` of a contest: in its ``engines`` those of its studies, in order.

    `engine` and `model_path` name all of them, so that lists of studies need not know contests.
    """
    rows = [{"label": one.label, **one.setup.folder.read_provenance()} for one in opened]
    first = next(row for row in rows if row["label"] == baseline)
    models = dict.fromkeys(row["model_path"] for row in rows)
    return {
        "schema_version": SCHEMA_VERSION,
        "engine": ", ".join(row["label"] for row in rows),
        "model_path": ", ".join(models),
        "baseline": baseline,
        "depth": first["depth"],
        **{key: first[key] for key in SHARED},
        "engines": rows,
    }
