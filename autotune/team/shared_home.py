"""The home of a run that is one of several workers on a study."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autotune.errors import ExitCode
from autotune.hardware.gpu import GpuProbe
from autotune.search.events import Summary
from autotune.search.home import Course
from autotune.search.layout import Layout
from autotune.search.ledger import Ledger
from autotune.search.member import Member
from autotune.search.opening import check_provenance, provenance
from autotune.search.planned import FEWER
from autotune.search.request import RunRequest
from autotune.search.sampling import SampleWish, stored_ids
from autotune.search.setup import Setup, asked_sample, set_up
from autotune.study.folder import StudyFolder
from autotune.team.checking import check, told_check
from autotune.team.finish import adopt, copy_trials, facts_of, take_turns
from autotune.team.identity import check_host, join, sample_of, shared_sample
from autotune.team.lost import Lost
from autotune.team.presence import HOST, PROVING, SEARCHING, Presence
from autotune.team.rounds import BY, POLL_S, Rounds, wait_until
from autotune.team.signs_of_life import fail_lost
from autotune.team.worker_folder import WorkerFolder

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler

    from autotune.team.artefacts import Artefacts
    from autotune.team.shipping import Shipper


@dataclass(slots=True)
class SharedHome:
    """See `autotune.search.home.Home`. `artefacts` and `shipper` are ``None`` where the workers
    have no place in common for what they measured."""

    study: Study
    name: str
    mine: WorkerFolder
    rounds: Rounds
    presence: Presence
    lost: Lost
    artefacts: Artefacts | None = None
    shipper: Shipper | None = None

    @property
    def member(self) -> Member:
        """This worker."""
        return Member(worker=self.mine.worker, lost=self.lost)

    def set_up(self, request: RunRequest, probe: GpuProbe) -> Setup:
        """As everywhere, with the sessions that the study was begun with; what cannot be of the
        study is refused before anything is launched."""
        stored = shared_sample(self.rounds, asked_sample(request))
        wish = None if stored is None else SampleWish(ids=stored_ids(stored))
        setup = set_up(request, probe, wish=wish)
        check_host(self.rounds, self.name, setup)
        return setup

    def locked(self, folder: StudyFolder) -> AbstractContextManager[None]:
        """It is: this worker chose its folder by that."""
        return nullcontext()

    def check(self, setup: Setup, layout: Layout) -> None:
        """Both what the others measure on, and what this folder was begun with."""
        join(self.rounds, self.name, provenance(setup, layout), sample_of(setup))
        check_provenance(setup, layout)

    def opened(self, folder: StudyFolder, sampler: BaseSampler) -> AbstractContextManager[Study]:
        """The shared study, which is open."""
        self.study.sampler = sampler
        return nullcontext(self.study)

    def searched(self, course: Course) -> Ledger:
        """Search; wait for those who still do; take over what was lost, and search again where
        they found something new."""
        seen: set[int] | None = None
        while True:
            self.presence.enter(SEARCHING)
            ledger = self._search(course)
            finished = {entry.number for entry in ledger.entries}
            if course.stop.is_set() or finished == seen:
                break
            self.presence.enter(PROVING)
            if not self._wait(course, self._is_quiet):
                break
            if not self.lost(self.study) and finished == self._finished():
                break
            seen = finished
        self.presence.enter(PROVING)
        return ledger

    def _search(self, course: Course) -> Ledger:
        """Search until nothing is left. A trial of ours that others failed meanwhile, as they took
        us for lost, is theirs now."""
        while True:
            try:
                return course.search.run()
            except (AssertionError, RuntimeError, ValueError) as error:
                if not _was_taken(error):
                    raise

    def _finished(self) -> set[int]:
        trials = self.study.get_trials(deepcopy=False)
        return {t.number for t in trials if "outcome" in t.user_attrs}

    def _is_quiet(self) -> bool:
        """Whether nobody has a trial under way, or may begin one."""
        from optuna.trial import TrialState

        fail_lost(self.study)
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return not running and not self.presence.searching()

    def _wait(self, course: Course, condition: Any) -> bool:
        """Wait; the time is no worker's fault, and none of his budget. False when stopped."""
        began_s = time.monotonic()
        held = wait_until(condition, course.stop)
        course.budget.started_s += time.monotonic() - began_s
        return held

    def ended(self, course: Course, ledger: Ledger) -> Summary:
        """Confirmed by one worker, checked by one on another host; then everything is here."""
        name = f"confirm-{len(ledger.searched(FEWER).measured):04d}"
        summary = self._proved(course, ledger, name)
        if summary.exit_code == ExitCode.STOPPED_EARLY:
            return summary
        facts = self.rounds.result(name)
        if facts is None:  # taken over by another worker meanwhile: this verdict is as good
            return summary
        checked = self._checked(course, ledger, name, facts)
        if course.setup.folder.read_result() is None:
            return course.stopped(ledger)
        return told_check(course.setup.folder, summary, checked)

    def _proved(self, course: Course, ledger: Ledger, name: str) -> Summary:
        """This worker's verdict, or that of the one who came to it."""
        while not course.stop.is_set():
            if self.rounds.claim(name):
                return self._prove(course, ledger, name)
            facts = self.rounds.result(name)
            if facts is not None:
                return adopt(course, self._whole(course), facts)
            self._wait(course, lambda: not self.rounds.is_claimed(name))
        return course.stopped(ledger)

    def _prove(self, course: Course, ledger: Ledger, name: str) -> Summary:
        try:
            summary = course.proved(ledger)
        except BaseException:
            self.rounds.give_up(name)
            raise
        if summary.exit_code == ExitCode.STOPPED_EARLY:
            self.rounds.give_up(name)
            return summary
        if self.shipper is not None:
            self.shipper.ship()
        facts = {**facts_of(course.setup.folder), HOST: self.presence.host}
        self.rounds.complete(name, facts)
        return summary

    def _whole(self, course: Course) -> Ledger:
        """Every trial, also those that the confirmation itself asked for."""
        return Ledger(self.study.get_trials(deepcopy=False), course.search.unfit)

    def _checked(
        self, course: Course, ledger: Ledger, name: str, facts: dict[str, Any]
    ) -> dict[str, Any] | None:
        """What a second host says of the winner; ``None`` where there is no such host."""
        winner, at = facts["result"]["winner"], facts[HOST]
        round_ = name.replace("confirm", "check")
        if winner is None:
            return None
        while not course.stop.is_set():
            known = self.rounds.result(round_)
            if known is not None:
                return known
            if self.presence.host != at:
                if self.rounds.claim(round_):
                    return self._check(course, ledger, round_, facts["result"])
            elif not self.presence.elsewhere(at):
                return None
            course.stop.wait(POLL_S)
        return None

    def _check(
        self, course: Course, ledger: Ledger, round_: str, result: dict[str, Any]
    ) -> dict[str, Any] | None:
        try:
            found = check(course, ledger, result)
        except BaseException:
            self.rounds.give_up(round_)
            raise
        if course.stop.is_set():
            self.rounds.give_up(round_)
            return None
        facts = {"check": found, HOST: self.presence.host}
        self.rounds.complete(round_, facts)
        return {**facts, BY: self.mine.worker}

    def settle(self, summary: Summary) -> Summary:
        """The folder as that of a finished study: trials, and turns as far as they are shared."""
        folder = self.mine.folder
        copy_trials(self.study, folder)
        if self.shipper is not None:
            self.shipper.finish()
        if folder.read_result() is None or summary.exit_code == ExitCode.STOPPED_EARLY:
            return summary
        if self.artefacts is None:
            return _without_turns(summary)
        prover = self._prover()
        take_turns(self.artefacts, self.study, folder, frozenset(self.mine.names), prover)
        return summary

    def _prover(self) -> str:
        """Who confirmed last."""
        return self.rounds.last_by("confirm-")


def _was_taken(error: BaseException | None) -> bool:
    """Whether Optuna refused to change a trial that is over.

    It says so in one way while the trial is measured and in another when its end is told, and an
    assertion of its own may hide either.
    """
    from optuna.exceptions import UpdateFinishedTrialError

    while error is not None:
        told = isinstance(error, ValueError) and str(error).startswith("Cannot tell a ")
        if told or isinstance(error, UpdateFinishedTrialError):
            return True
        error = error.__context__
    return False


def _without_turns(summary: Summary) -> Summary:
    note = "turn records of the other workers are on their hosts (--artifacts shares them)"
    return replace(summary, notes=(*summary.notes, note))
