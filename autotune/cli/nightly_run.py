"""``autotune nightly run``: the nights of this folder's targets, one after the other, now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Self

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.nightly_targets import demand_targets
from autotune.cli.signals import stop_on_signals
from autotune.cli.user_cache import user_cache
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode, gravest
from autotune.report.display import RunDisplay, choose_display

if TYPE_CHECKING:
    from types import TracebackType

    from autotune.nightly.night import NightDone
    from autotune.nightly.night_plan import Planned
    from autotune.nightly.night_tools import NightTools
    from autotune.nightly.night_work import NightAsk
    from autotune.nightly.targets import Target
    from autotune.search.events import Event as RunEvent
    from autotune.search.events import Listener, Summary
    from autotune.search.request import RunRequest


class NightlyRun(StudiesSettings):
    """Run the night of each target now: what install begins by itself.

    Waits until the machine is idle, looks whether the model, the engine, the driver, the GPU or the
    workload changed since the last tuning, and tunes again if so; else it replays the canary. Only
    what beats the config in use on sessions that the search did not see goes live. Each night is
    kept as a page: autotune nightly log --night last.

    Ctrl-C ends it politely: what is being measured comes to its end, the after hook runs, and the
    next night goes on. A second Ctrl-C ends it at once; the after hook runs then, too.

    Exits 0 when a config went live or nothing changed, 1 when nothing beat the config in use, 75
    when it was skipped or stopped, 3 when it failed or had to be rolled back.

    Examples:
        autotune nightly run --dry-run
        autotune nightly run --now
        autotune nightly run coder --force --now
        autotune nightly run --json
    """

    targets: CliPositionalArg[list[str]] = Field(
        default_factory=list,
        description="only these targets (default: all of ./autotune.toml)",
        json_schema_extra={"metavar": "TARGET"},
    )
    force: bool = Field(False, description="tune again although nothing changed")
    now: bool = Field(
        False, description="begin although others use the machine or you are at work on it"
    )
    take_model: bool = Field(
        False, description="put a newer model live even where it is slower than the one in use"
    )
    dry_run: bool = Field(False, description="say what each night would do; start nothing")

    def run(self, io: CommandIO) -> int:
        """Night after night; the exit code is the gravest of theirs."""
        from autotune.nightly.night_work import NightAsk

        targets = demand_targets(self.studies_dir, self.targets)
        ask = NightAsk(force=self.force, now=self.now, take_model=self.take_model)
        if self.dry_run:
            return _show_plans(targets, ask, io)
        done = _nights(targets, ask, io)
        code = gravest(night.exit_code for night in done)
        if io.json:
            rows = [{**one.night.to_json(), "page": one.page} for one in done]
            io.emit_json({"nights": rows, "exit_code": int(code)})
        return int(code)


class NightDisplay:
    """The display of the study that runs now, if one does; each night's study has its own."""

    def __init__(self, io: CommandIO) -> None:
        self._io = io
        self._shown: RunDisplay | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def __call__(self, event: RunEvent) -> None:
        """To the study's own display."""
        if self._shown is not None:
            self._shown(event)

    def stopping(self, at_once: bool = False) -> None:
        """From a signal handler; between studies it is said here."""
        (self._shown or choose_display("plain", self._io.err)).stopping(at_once)

    @contextmanager
    def study(self) -> Iterator[Listener]:
        """While a study runs."""
        with choose_display(self._io.display, self._io.err) as shown:
            self._shown = shown
            try:
                yield shown
            finally:
                self._shown = None

    def tune(self, request: RunRequest, listener: Listener, stop: Event) -> Summary:
        """A study, shown."""
        from autotune.search.session import run_study

        with self.study() as shown:
            summary = run_study(request, shown, stop)
            shown(summary)
        return summary


@contextmanager
def night_tools(io: CommandIO, display: NightDisplay, stop: Event) -> Iterator[NightTools]:
    """This machine, for as long as the context lasts."""
    from autotune.hardware.probe import gpu_probe
    from autotune.nightly.fingerprint import Caches
    from autotune.nightly.night_tools import NightTools

    folder = user_cache(os.environ) / "nightly"
    with gpu_probe() as probe:
        yield NightTools(
            environ=dict(os.environ),
            probe=probe,
            caches=Caches(folder),
            locks=folder / "locks",
            stop=stop,
            tune=display.tune,
        )


def _nights(targets: tuple[Target, ...], ask: NightAsk, io: CommandIO) -> list[NightDone]:
    """One after the other, until one is told to stop."""
    from autotune.nightly.night import run_night

    stop, done = Event(), []
    display = NightDisplay(io)
    with stop_on_signals(stop, display), night_tools(io, display, stop) as tools:
        for target in targets:
            if stop.is_set():
                _say(io, target, "not begun: it was told to end")
                continue
            said = _saying(tools, target, io)
            done.append(run_night(target, said, ask))
            _show(done[-1], io)
    return done


def _saying(tools: NightTools, target: Target, io: CommandIO) -> NightTools:
    from dataclasses import replace

    return replace(tools, say=lambda text: _say(io, target, text))


def _say(io: CommandIO, target: Target, text: str) -> None:
    if io.display != "none":
        io.err.print(f"{target.name}: {text}", markup=False, soft_wrap=True)


def _show(done: NightDone, io: CommandIO) -> None:
    """How it ended: title, why, what to do, and where its page is."""
    from autotune.nightly.summary import night_title

    if io.json:
        return
    night = done.night
    lines = [night_title(night), f"  {night.why}"]
    lines += [f"  {night.hint}"] if night.hint else []
    lines += [f"  page: {done.page}"] if done.page is not None else []
    for line in lines:
        io.out.print(line, markup=False, soft_wrap=True)


def _show_plans(targets: tuple[Target, ...], ask: NightAsk, io: CommandIO) -> int:
    from autotune.nightly.night_plan import planned

    display = NightDisplay(io)
    with night_tools(io, display, Event()) as tools:
        plans = [planned(target, tools, ask) for target in targets]
    if io.json:
        io.emit_json({"dry_run": True, "targets": [plan.to_json() for plan in plans]})
        return int(ExitCode.DONE)
    for plan in plans:
        for line in _plan_lines(plan):
            io.out.print(line, markup=False, soft_wrap=True)
    return int(ExitCode.DONE)


def _plan_lines(plan: Planned) -> Iterator[str]:
    from autotune.report.text import duration, plural

    yield f"{plan.target}: {plan.decision.action.value}"
    for reason in plan.decision.reasons:
        yield f"  because {reason}"
    live = "nothing yet" if plan.live is None else f"generation {plan.live.number}"
    yield f"  live: {live}; {plan.engine}, {plan.model}, {plural(plan.sessions, 'session')}"
    if plan.decision.tunes and plan.budget_s is not None:
        yield f"  budget: {duration(plan.budget_s)}"
    if plan.unfinished:
        yield f"  first: what a night left open in {', '.join(plan.unfinished)}"
    if plan.holder is not None:
        yield f"  not now: the card is taken by {plan.holder.text}"
    elif plan.busy is not None:
        yield f"  not now: {plan.busy}"
