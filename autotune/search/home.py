"""Where the study of a run lives: on this machine alone, or among several workers.

A run asks its home what differs between the two; everything else is the same path.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from autotune.errors import UserError
from autotune.hardware.gpu import GpuProbe
from autotune.search.budget import Budget
from autotune.search.confirm import Arm, Confirmed
from autotune.search.events import Summary
from autotune.search.layout import Layout
from autotune.search.ledger import Ledger
from autotune.search.member import ALONE, Member
from autotune.search.opening import check_provenance
from autotune.search.request import RunRequest
from autotune.search.search import Search
from autotune.search.setup import Setup, set_up
from autotune.study.folder import StudyFolder
from autotune.study.lock import study_lock
from autotune.study.storage import open_study

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler


class Course(Protocol):
    """A run that is under way, as its home sees it."""

    setup: Setup
    layout: Layout
    search: Search
    budget: Budget
    stop: threading.Event

    def proved(self, ledger: Ledger) -> Summary:
        """Confirm the best of `ledger` on this machine, write the verdict and tell it."""
        ...

    def stopped(self, ledger: Ledger) -> Summary:
        """How it stands without a confirmation."""
        ...

    def checked(self, ledger: Ledger, arms: list[Arm]) -> Confirmed:
        """`arms` against the default once more, on this machine."""
        ...


class Home(Protocol):
    """What a run is told by whoever keeps its study."""

    @property
    def member(self) -> Member:
        """This run among those that search the study."""
        ...

    def set_up(self, request: RunRequest, probe: GpuProbe) -> Setup:
        """Find and read what the request names. Raises what `autotune.search.setup.set_up` does,
        and `UserError` for what cannot be measured in this study."""
        ...

    def locked(self, folder: StudyFolder) -> AbstractContextManager[None]:
        """Keep `folder` to this process."""
        ...

    def check(self, setup: Setup, layout: Layout) -> None:
        """Raise `UserError` where the study was measured on something else."""
        ...

    def opened(self, folder: StudyFolder, sampler: BaseSampler) -> AbstractContextManager[Study]:
        """The study."""
        ...

    def searched(self, course: Course) -> Ledger:
        """Search until nobody has anything to measure; every finished trial."""
        ...

    def ended(self, course: Course, ledger: Ledger) -> Summary:
        """The verdict on a search that found something."""
        ...


WORKER_FILE = "worker.json"
"""In the folder of a worker: which shared study it is of."""


@dataclass(frozen=True, slots=True)
class OwnHome:
    """A study of this machine alone, in its folder."""

    member: Member = ALONE

    def set_up(self, request: RunRequest, probe: GpuProbe) -> Setup:
        """See `Home.set_up`."""
        setup = set_up(request, probe)
        if (setup.folder.path / WORKER_FILE).is_file():
            raise UserError(
                f"{setup.folder.path} is a worker's part of a shared study",
                "go on with it by --storage, or name another study with --study",
            )
        return setup

    def locked(self, folder: StudyFolder) -> AbstractContextManager[None]:
        """See `Home.locked`."""
        return study_lock(folder.lock_path)

    def check(self, setup: Setup, layout: Layout) -> None:
        """See `Home.check`."""
        check_provenance(setup, layout)

    def opened(self, folder: StudyFolder, sampler: BaseSampler) -> AbstractContextManager[Study]:
        """See `Home.opened`."""
        return open_study(folder, sampler)

    def searched(self, course: Course) -> Ledger:
        """See `Home.searched`."""
        return course.search.run()

    def ended(self, course: Course, ledger: Ledger) -> Summary:
        """See `Home.ended`."""
        return course.proved(ledger)
