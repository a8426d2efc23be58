"""What stands between a setup and its search: measurer, provenance, the study that is opened."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune import __version__
from autotune.errors import UserError
from autotune.hardware.gpu import GpuProbe
from autotune.search.budget import Budget
from autotune.search.events import Listener
from autotune.search.hold_book import refused_keys
from autotune.search.ladder import Ladder
from autotune.search.layout import Layout
from autotune.search.member import ALONE, Member
from autotune.search.reuse import reuse_question
from autotune.search.search import Search
from autotune.search.setup import Setup, asked_sample, versions
from autotune.search.steadiness import Steadiness
from autotune.search.twins import Twins
from autotune.search.usual import usual_chart
from autotune.search.warm_start import COLD, WarmStart
from autotune.study.provenance import Provenance, differences
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurer
from autotune.trial.real import RealMeasurer

if TYPE_CHECKING:
    from optuna import Study


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for private homes, outside the study: it holds sockets and caches of engines."""
    folder = Path(tempfile.mkdtemp(prefix="autotune-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_measurer(setup: Setup, work_dir: Path, probe: GpuProbe) -> RealMeasurer:
    """The real measurer for `setup`; its rendering is the survey's to decide."""
    return RealMeasurer(
        launcher=setup.launcher,
        model=setup.model_path,
        logs_dir=setup.folder.logs,
        work_dir=work_dir,
        seed=setup.request.seed,
        gpu_uuid=None if setup.gpu is None else setup.gpu.uuid,
        gpu_pin=None if setup.gpu is None else setup.gpu.pin,
        probe=probe,
        partners=setup.request.partners,
        afterwards=(
            reuse_question(setup.folder.path),
            *((usual_chart(),) if setup.request.usual_chart else ()),
        ),
    )


def host_facts(setup: Setup) -> dict[str, Any]:
    """What is known of what this run measures on before anything is launched."""
    gpu = setup.gpu
    return {
        "engine": setup.engine_ref,
        "engine_path": setup.build.path,
        "engine_version": setup.build.version,
        "engine_sha256": setup.build.binary_sha256,
        "model_path": str(setup.model_path),
        "model_sha256": setup.model_digest,
        "gpu": setup.gpu_id,
        "gpu_name": setup.gpu_name,
        "driver": None if gpu is None else gpu.driver,
        "workload": str(setup.request.workload),
        "workload_digest": setup.workload.digest,
        "objective": setup.request.objective,
        "history": setup.request.history,
        "seed": setup.request.seed,
        "autotune_version": __version__,
        "host_cpu": setup.cpu.model,
        "gpu_class": setup.gpu_class if gpu is not None else f"cpu {setup.cpu.model}",
        "model_architecture": setup.model.architecture,
    }


def provenance(setup: Setup, layout: Layout) -> Provenance:
    """What this run measures on."""
    return Provenance(
        **host_facts(setup),
        plan_digest=layout.search_plan.digest,
        space_digest=layout.space.digest,
        depth=layout.depth_label,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
    )


def check_provenance(setup: Setup, layout: Layout) -> None:
    """Refuse to go on with a study that was measured on something else; note a new one's."""
    now = provenance(setup, layout)
    if not setup.folder.exists():
        asked = {"asked": asked_sample(setup.request)}
        setup.folder.write_sample({**asked, **setup.sample.to_json()})
        setup.folder.write_provenance(now.to_json())
        return
    changed = differences(setup.folder.read_provenance(), now)
    if changed:
        raise UserError(
            f"study {setup.folder.name} was measured on something else: {'; '.join(changed)}",
            "name another study with --study, or add --new-study to begin a fresh one",
        )


def make_search(
    setup: Setup,
    layout: Layout,
    study: Study,
    *,
    measurer: Measurer,
    budget: Budget,
    log: TurnLog,
    listener: Listener,
    stop: threading.Event,
    steady: Steadiness | None = None,
    warm: WarmStart = COLD,
    stop_early: bool = False,
    twins: Twins | None = None,
    member: Member = ALONE,
) -> Search:
    """The search of one engine's space over the searched sessions.

    `twins` are what the measurer asks whether a launch need be replayed, where it does ask.
    """
    return Search(
        study=study,
        space=layout.space,
        plan=layout.search_plan,
        measurer=measurer,
        judge=layout.judge,
        feasibility=layout.feasibility,
        budget=budget,
        log=log,
        listener=listener,
        incumbent=layout.incumbent,
        stop=stop,
        read_turns=setup.folder.read_turns,
        seed=setup.request.seed,
        unfit=refused_keys(setup.folder),
        steady=steady,
        warm=warm,
        stop_early=stop_early,
        ladder=Ladder(layout.rungs),
        twins=twins or Twins(),
        member=member,
    )
