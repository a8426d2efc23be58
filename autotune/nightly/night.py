"""One night of one target, from its locks to its page.

The locks of the target and of the card are held; what another night left open is mended; then the
work of the night (`night_work`); at the end, however that ended, a page is kept, a person is told,
and what is beyond what the target keeps goes. Whatever touches the world outside is in the journal
before and after, so that a night that is killed anywhere leaves one config live, whole, and the
next one runs the hook that is due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from autotune.errors import AutotuneError, ExitCode
from autotune.nightly.gpu_lock import HeldError, state_lock
from autotune.nightly.journal import Line
from autotune.nightly.live import live_number
from autotune.nightly.night_page import NightPage, free_stamp
from autotune.nightly.night_record import Night, Outcome
from autotune.nightly.night_steps import NIGHT, record_cut_short
from autotune.nightly.night_tools import NightTools, StoppedError
from autotune.nightly.night_work import Ending, NightAsk, NightWork
from autotune.nightly.nights import Nights
from autotune.nightly.notify import Notice, notify
from autotune.nightly.pause import hook_runs
from autotune.nightly.site import Site
from autotune.nightly.target_site import site_of
from autotune.nightly.targets import Target
from autotune.nightly.tidy import tidy

USUAL = NightAsk()

_CODES = {
    Outcome.KEPT: ExitCode.NOTHING_BETTER,
    Outcome.SKIPPED: ExitCode.STOPPED_EARLY,
    Outcome.STOPPED: ExitCode.STOPPED_EARLY,
    Outcome.ROLLED_BACK: ExitCode.MACHINE,
    Outcome.FAILED: ExitCode.MACHINE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NightDone:
    """A night that ended. `page` is its Markdown; ``None`` where another night holds the target."""

    night: Night
    page: Path | None
    exit_code: ExitCode


def run_night(target: Target, tools: NightTools, ask: NightAsk = USUAL) -> NightDone:
    """One night of `target`. Whatever goes wrong in it is its outcome; nothing is raised for it.

    Raises `MachineError` where not even the record of it can be kept.
    """
    try:
        with state_lock(target.state, target.name):
            return _Kept(target, tools, ask).go()
    except HeldError as held:
        now = tools.now()
        page = NightPage(target.name, free_stamp(Nights.of(target.state), now), now, tools.now)
        night = page.ended(Outcome.SKIPPED, held.message, held.hint)
        return NightDone(night=night, page=None, exit_code=ExitCode.STOPPED_EARLY)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A night under the target's lock, with its record."""

    target: Target
    tools: NightTools
    ask: NightAsk

    def go(self) -> NightDone:
        """The night, and everything behind it."""
        target, tools = self.target, self.tools
        site = site_of(target, tools.environ, tools.boot)
        nights = Nights.of(target.state)
        for night in record_cut_short(target.name, site.journal, nights):
            tools.say(f"the night of {night.started_at.astimezone():%d %b %H:%M} was cut short")
        begun = tools.now()
        stamp = free_stamp(nights, begun)
        page = NightPage(target.name, stamp, begun, tools.now, tools.monotonic)
        step = site.journal.begin(NIGHT, stamp=stamp, boot=site.boot)
        ending = _guarded(lambda: NightWork(target, tools, self.ask, site, page).go())
        return self._closed(site, page, step, ending)

    def _closed(self, site: Site, page: NightPage, step: Line, ending: Ending) -> NightDone:
        page.heard(*hook_runs(site.journal, step.number))
        page.put(generation=live_number(site.state))
        night = page.ended(ending.outcome, ending.why, ending.hint)
        nights = Nights.of(site.state)
        written = nights.write(night)
        site.journal.end(step, outcome=night.outcome.value)
        night = self._told(night, nights, written)
        self._tidied()
        code = ending.code or _CODES.get(night.outcome, ExitCode.DONE)
        return NightDone(night=night, page=written, exit_code=code)

    def _told(self, night: Night, nights: Nights, page: Path) -> Night:
        """Tells a person; what went wrong with that is on the page as well."""
        told = notify(Notice(night, page), self.target.notify, self.tools.environ)
        problems = [f"the {one.way} was not told: {one.problem}" for one in told if one.problem]
        if not problems:
            return night
        for text in problems:
            self.tools.say(text)
        night = replace(night, notes=(*night.notes, *problems))
        nights.write(night)
        return night

    def _tidied(self) -> None:
        target = self.target
        try:
            tidy(target.request.studies_dir, target.name, target.keep, target.keep_generations)
        except AutotuneError as error:
            self.tools.say(f"not tidied up: {error.message}")


def _guarded(work: Callable[[], Ending]) -> Ending:
    """How `work` ended. A stop and an error are endings like others."""
    try:
        return work()
    except HeldError as held:
        return Ending(Outcome.SKIPPED, held.message, held.hint)
    except StoppedError:
        return Ending(Outcome.STOPPED, "it was told to end while it waited")
    except KeyboardInterrupt:
        why, hint = "it was interrupted", "the next night goes on with what was begun"
        return Ending(Outcome.STOPPED, why, hint, ExitCode.INTERRUPTED)
    except AutotuneError as error:
        return Ending(Outcome.FAILED, error.message, error.hint, error.exit_code)
