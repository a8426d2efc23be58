"""One worker on a shared study, its whole life: from the request to a finished folder."""

from __future__ import annotations

import platform
import threading
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from autotune.errors import UserError
from autotune.search.events import Listener, Notice, Summary
from autotune.search.request import RunRequest
from autotune.search.session import run_study
from autotune.search.suggest import make_sampler
from autotune.team.artefacts import open_artefacts
from autotune.team.artifacts_url import ArtifactsUrl
from autotune.team.lost import Lost
from autotune.team.presence import present
from autotune.team.rounds import Rounds
from autotune.team.shared_home import SharedHome
from autotune.team.shared_study import SharedStudy, open_shared
from autotune.team.shipping import Shipper
from autotune.team.storage_url import StorageUrl
from autotune.team.worker_folder import WorkerFolder, worker_folder

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["SharedStudy", "run_worker"]


def run_worker(
    request: RunRequest,
    shared: SharedStudy,
    listener: Listener,
    stop: threading.Event | None = None,
) -> Summary:
    """Search `shared` together with the other workers until it is done; how it ended.

    The worker keeps what it measures in a folder of its own below ``request.studies_dir``, called
    ``request.study`` (else as the shared study is), which is an ordinary study when this returns.
    `stop` is the polite stop, as in `run_study`. Raises `UserError` for a worker that measures on
    something else than the study does, and `MachineError` where the database stays away.
    """
    if request.new_study:
        raise UserError(
            "a shared study is begun by its name alone", "leave --new-study out, or change --study"
        )
    host = shared.host or platform.node() or "host"
    with ExitStack() as stack:
        mine = stack.enter_context(
            worker_folder(
                request.studies_dir,
                request.study or shared.name,
                shared.url,
                shared.name,
                shared.worker or f"{host}-{request.gpu[:12]}-{uuid.uuid4().hex[:6]}",
            )
        )
        study = stack.enter_context(
            open_shared(
                shared.url,
                shared.name,
                make_sampler(request.seed),
                worker=mine.worker,
                heartbeat_s=shared.heartbeat_s,
                wait_s=shared.wait_s,
                told=_teller(listener),
            )
        )
        home, heard = _home(stack, study, shared, mine, host, listener)
        own = replace(request, study=mine.folder.name)
        summary = run_study(own, heard, stop, home)
        return home.settle(summary)


def _teller(listener: Listener) -> Callable[[str], None]:
    return lambda text: listener(Notice(text))


def _home(
    stack: ExitStack,
    study: Study,
    shared: SharedStudy,
    mine: WorkerFolder,
    host: str,
    listener: Listener,
) -> tuple[SharedHome, Listener]:
    """The worker's home, and whoever hears its events: what it measures is stored as it goes."""
    names = frozenset(mine.names)
    rounds = Rounds.of(study, mine.worker)
    stack.callback(rounds.close)
    presence = stack.enter_context(present(study, mine.worker, host, names))
    home = SharedHome(study, shared.name, mine, rounds, presence, Lost(rounds, names))
    url = shared.artifacts or _beside(shared.url)
    if url is None:
        return home, listener
    home.artefacts = open_artefacts(url, study)
    home.shipper = Shipper(home.artefacts, study, mine.folder, mine.worker, listener)
    return home, home.shipper


def _beside(url: StorageUrl) -> ArtifactsUrl | None:
    """Workers of one host share its disk: a folder beside their SQLite file."""
    if url.path is None:
        return None
    return ArtifactsUrl(folder=url.path.with_name(f"{url.path.name}-artifacts"))
