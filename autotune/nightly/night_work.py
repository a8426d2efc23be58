"""What a night does: waits for its card, looks what changed, and then a canary or a retune."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from autotune.errors import ExitCode
from autotune.hardware.gpu import Gpu
from autotune.hardware.select import select_gpu
from autotune.nightly.canary import CanaryResult
from autotune.nightly.canary_site import CanarySite
from autotune.nightly.decide import Action, Decision, after_drift, canary_due, decide
from autotune.nightly.fingerprint import Seen, look_at
from autotune.nightly.generations import Generation
from autotune.nightly.gpu_lock import HeldError, Waiting, gpu_lock
from autotune.nightly.idle import Busy
from autotune.nightly.idle_look import still_held
from autotune.nightly.idle_wait import deadline_after, left_s, when_idle
from autotune.nightly.model_builds import model_of
from autotune.nightly.night_page import NightPage
from autotune.nightly.night_record import ChangeNote, Outcome, WorkloadNote
from autotune.nightly.night_steps import digest_of_tuning, give_up_tunings, open_tuning
from autotune.nightly.night_tools import NightTools
from autotune.nightly.nights import Nights
from autotune.nightly.pause import paused
from autotune.nightly.recover import recover
from autotune.nightly.settled import Settled, read_settled
from autotune.nightly.site import Site
from autotune.nightly.target_site import eyes_of
from autotune.nightly.targets import Target
from autotune.search.setup import CPU

LONGEST_WAIT_S = 6 * 3600.0
"""For another night on the same card, where no deadline says less."""

TUNING = "tuning"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightAsk:
    """What a person said of this night.

    `force` tunes again although nothing changed; `now` does not wait for the machine to be idle;
    `take_model` puts a newer model live even where it is slower than the one in use.
    """

    force: bool = False
    now: bool = False
    take_model: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How a night ended, in one sentence, with what to do; `code` where it is not the usual one."""

    outcome: Outcome
    why: str
    hint: str = ""
    code: ExitCode | None = None


class EndsError(Exception):
    """The night ends here, for a reason that is no error."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.why)
        self.ending = ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a night acts on: tonight, what was settled last, and the config in use."""

    seen: Seen
    settled: Settled | None
    live: Generation | None
    decision: Decision

    @property
    def digest(self) -> str:
        """Names what a retune tonight would be of."""
        number = None if self.live is None else self.live.number
        return digest_of_tuning(self.seen.fingerprint, number)


@dataclass(frozen=True, slots=True)
class NightWork:
    """One night under the target's lock."""

    target: Target
    tools: NightTools
    ask: NightAsk
    site: Site
    page: NightPage

    def go(self) -> Ending:
        """Raises what goes wrong; hooks have been paired then."""
        gpu = select_gpu(self.target.request.gpu, self.tools.probe.gpus())
        try:
            with self._card(CPU if gpu is None else gpu.uuid):
                self._recover()
                self._wait_until_idle(gpu)
                return self._act(gpu, self._known())
        except EndsError as end:
            return end.ending

    def say(self, text: str) -> None:
        """To whoever watches."""
        self.tools.say(text)

    def left_s(self) -> float | None:
        """Until the deadline; ``None`` without one."""
        return left_s(self.tools.now(), self._deadline())

    def _deadline(self) -> datetime | None:
        return deadline_after(self.page.started_at, self.target.idle.deadline)

    @contextmanager
    def _card(self, uuid: str) -> Iterator[None]:
        """The card for this night alone, waited for where the target waits."""
        folder, name = self.tools.locks, self.target.name
        with ExitStack() as stack:
            try:
                stack.enter_context(gpu_lock(uuid, folder, name))
            except HeldError as held:
                if self.target.idle.when_busy == "skip":
                    raise
                self.say(f"waiting: {held.message}")
                self.page.note(f"it waited: {held.message}")
                with self.page.timing("waiting"):
                    stack.enter_context(gpu_lock(uuid, folder, name, self._patience()))
            yield

    def _patience(self) -> Waiting:
        left = self.left_s()
        most_s = LONGEST_WAIT_S if left is None else max(0.0, left)
        return Waiting(most_s=most_s, sleep=self.tools.sleep, clock=self.tools.monotonic)

    def _recover(self) -> None:
        """What an earlier night left open comes first."""
        with self.page.timing("recovery"):
            said = recover(self.site).said
        for text in said:
            self.say(f"recovered: {text}")
        self.page.note(*said)

    def _wait_until_idle(self, gpu: Gpu | None) -> None:
        if self.ask.now:
            return
        eyes = eyes_of(self.target, gpu, self.tools.probe)
        with self.page.timing("waiting"):
            found = when_idle(
                lambda: self.tools.look(eyes),
                self.target.idle,
                self.tools.clock,
                say=self.say,
            )
        if isinstance(found, Busy):
            raise EndsError(Ending(Outcome.SKIPPED, found.reason, _SKIP_HINT))

    def _known(self) -> Known:
        """Looks at everything, and decides."""
        target, tools = self.target, self.tools
        settled = read_settled(target.state)
        kept = None if settled is None else settled.sessions
        with self.page.timing("looking"):
            seen = look_at(target, tools.probe, tools.caches, kept=kept, now=tools.now())
        live = self.site.generations.live()
        known = Known(
            seen=seen,
            settled=settled,
            live=live,
            decision=decided(target, seen, settled, live, force=self.ask.force),
        )
        known = self._resumed(known)
        self._tell(known)
        return known

    def _resumed(self, known: Known) -> Known:
        """A tuning that did not come to its end is gone on with, whatever else is due."""
        unfinished = open_tuning(self.site.journal, known.digest) is not None
        if known.decision.tunes or not unfinished:
            return known
        return replace(known, decision=after_drift(known.decision, "a tuning is unfinished"))

    def _tell(self, known: Known) -> None:
        decision, grown = known.decision, known.seen.workload
        for text in known.live.damage() if known.live is not None else ():
            self.page.note(f"the config in use: {text}")
        self.page.put(
            decision=decision.action.value,
            reasons=decision.reasons,
            changes=tuple(ChangeNote(name=c.name, was=c.was, now=c.now) for c in decision.changes),
            workload=WorkloadNote(
                sessions=len(grown.sessions),
                joined=len(grown.joined) if grown.why or known.settled is None else 0,
                aged_out=len(grown.aged_out),
            ),
        )
        reasons = "; ".join(decision.reasons)
        self.say(f"{decision.action.value}: {reasons}")

    def _act(self, gpu: Gpu | None, known: Known) -> Ending:
        if known.decision.action is Action.NOTHING:
            return Ending(Outcome.NOTHING, "; ".join(known.decision.reasons))
        with self._paused(gpu):
            if known.decision.action is Action.CANARY:
                seen_drift = self._canary(known)
                if isinstance(seen_drift, Ending):
                    return seen_drift
                known = seen_drift
            return self._retuned(known)

    def _retuned(self, known: Known) -> Ending:
        from autotune.nightly.night_tune import Retune

        return Retune(self, known).go()

    @contextmanager
    def _paused(self, gpu: Gpu | None) -> Iterator[None]:
        """The time in which nothing of a person's serves; the card is free in it."""
        self._stop_here()
        with paused(self.site, TUNING) as run:
            if run is not None:
                self.say(f"the before hook ran ({run.seconds or 0.0:.1f} s)")
            held = still_held(eyes_of(self.target, gpu, self.tools.probe))
            if held is not None:
                why = f"{held.reason}, after the before hook" if run else held.reason
                raise EndsError(Ending(Outcome.SKIPPED, why, _HELD_HINT))
            yield

    def _stop_here(self) -> None:
        """Ends the night where it was told to, between two things that it does."""
        if self.tools.stop.is_set():
            raise EndsError(Ending(Outcome.STOPPED, "it was told to end"))

    def canary_site(self, known: Known) -> CanarySite:
        """Where the config in use is looked at: with its own model, where that is another."""
        seen = known.seen
        own = None if known.live is None else model_of(known.live.config())
        if own is not None and own.exists():
            seen = replace(seen, model=own)
        return CanarySite(self.target.state, seen, self.tools.probe)

    def _canary(self, known: Known) -> Ending | Known:
        """Steady, or what is known now that it drifted."""
        assert known.live is not None
        with self.page.timing("canary"):
            found = self.canary_site(known).look(known.live, time_s=self.left_s())
        if found is None:
            self.refresh_last(known)
            return Ending(Outcome.STEADY, "nothing changed; figures for later canaries were taken")
        self.page.put(canary=found.note())
        self.say(f"canary: {found.said}")
        if not found.drifted:
            return self._steady(known, found)
        self._stop_here()
        decision = after_drift(known.decision, found.said)
        self.page.put(decision=decision.action.value, reasons=decision.reasons)
        self.say(f"{decision.action.value}: {found.said}")
        return replace(known, decision=decision)

    def _steady(self, known: Known, found: CanaryResult) -> Ending:
        give_up_tunings(self.site.journal)
        if found.is_faster:
            self.refresh_last(known)
        return Ending(Outcome.STEADY, f"nothing changed; {found.said}")

    def refresh_last(self, known: Known) -> None:
        """New figures for the config in use, on the turns of the last study."""
        assert known.live is not None
        from autotune.nightly.night_tune import refresh, request_of

        study = known.settled.study if known.settled is not None else known.live.study
        refresh(self, known, known.live, request_of(self, known, study))


def decided(
    target: Target, seen: Seen, settled: Settled | None, live: Generation | None, *, force: bool
) -> Decision:
    """What tonight is for, with what only a night knows: that nothing is live, or cannot be."""
    due = live is not None and canary_due(target.canary, Nights.of(target.state).newest_first())
    before = None if settled is None else settled.fingerprint
    decision = decide(before, seen.fingerprint, due)
    gone = None if live is None else model_of(live.config())
    if not decision.tunes and gone is not None and not gone.exists():
        return after_drift(decision, f"the model of the config in use is gone: {gone}")
    if force and not decision.tunes:
        return after_drift(decision, "it was asked for")
    return decision


_SKIP_HINT = "it is tried again the next night; --now does not wait"
_HELD_HINT = "let the before hook end what holds the card, or take another hour"
