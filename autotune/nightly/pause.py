"""The time between the before hook and the after hook: the first never runs without the second.

A pause is a step of the journal. It begins before the before hook and ends after the after hook, so
that what a killed process left open is known, and is closed by the next one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.hooks import (
    Hook,
    HookFiles,
    HookName,
    HookRun,
    adopt_hook,
    hook_files,
    run_hook,
)
from autotune.nightly.journal import Journal, Line
from autotune.nightly.site import Site

PAUSE, HOOK, STARTED = "pause", "hook", "hook-started"


class HookFailedError(MachineError):
    """The before hook did not do what it should; the after hook has run."""


def pause(site: Site, why: str) -> HookRun | None:
    """Runs the before hook; ``None`` where there is none.

    Raises `HookFailedError` when it fails, after the after hook was run, and ``RuntimeError`` when
    a pause is open already.
    """
    if open_pause(site.journal) is not None:
        raise RuntimeError("a pause is open already")
    with ExitStack() as undo:
        undo.callback(resume, site, why)
        run = _begin(site, why)
        if run is not None and run.problem is not None:
            log = site.state / "hooks" / "before.log"
            raise HookFailedError(run.problem, f"see {log}, and mend the command")
        undo.pop_all()
    return run


def ensure_paused(site: Site, why: str) -> HookRun | None:
    """The before hook, unless a pause is open; one that fails is told, and the pause is open."""
    return None if open_pause(site.journal) is not None else _begin(site, why)


def resume(site: Site, why: str) -> HookRun | None:
    """Runs the after hook and ends the open pause; ``None`` where there is no hook, or no pause.

    On a full disk it runs without a word in the journal; `MachineError` is raised after that.
    """
    journal, step = site.journal, open_pause(site.journal)
    if step is None:
        return None
    run = _after(site, step, why)
    journal.end(step, code=None if run is None else run.code, ran=run is not None)
    return _heeding(run)


@contextmanager
def paused(site: Site, why: str) -> Iterator[HookRun | None]:
    """A pause around a block, which is over at its end at the latest, whatever happens in it."""
    run = pause(site, why)
    try:
        yield run
    finally:
        resume(site, why)


def open_pause(journal: Journal) -> Line | None:
    """The pause that has begun and not ended; ``None`` when what serves is up to itself."""
    return next((line for line in journal.open_steps() if line.kind == PAUSE), None)


def hook_runs(journal: Journal, since: int = 0) -> tuple[HookRun, ...]:
    """Every hook that ended after line `since`, in order, for the record of a night."""
    return tuple(map(_told, _ended(line for line in journal.lines() if line.number > since)))


def _begin(site: Site, why: str) -> HookRun | None:
    hook = site.hooks.before
    step = site.journal.begin(PAUSE, why=why, boot=site.boot, before=hook is not None)
    if hook is None:
        return None
    own, run = _ran(site, step, "before", hook, why)
    _write_down(site, own, run)
    return _heeding(run)


def _heeding(run: HookRun | None) -> HookRun | None:
    """The run; or the Ctrl-C that came while it ran, now that it is written down."""
    if run is not None and run.interrupted:
        raise KeyboardInterrupt
    return run


def _after(site: Site, step: Line, why: str) -> HookRun | None:
    hook = site.hooks.after
    if hook is None:
        return None
    try:
        own, run = _ran(site, step, "after", hook, why)
    except MachineError:
        unheard = HookFiles(Path(os.devnull), site.state / "hooks" / "unrecorded.mark")
        run_hook("after", hook, site.hook_env("after", why), unheard)
        raise
    _write_down(site, own, run)
    return run


def _ran(site: Site, step: Line, name: HookName, hook: Hook, why: str) -> tuple[Line, HookRun]:
    """Runs a hook that is written down before it begins. `MachineError`: it did not run."""
    journal = site.journal
    limit_s = hook.timeout_s
    own = journal.begin(HOOK, name=name, pause=step.number, timeout_s=limit_s, boot=site.boot)

    def started(pid: int, mark: str | None) -> None:
        journal.append(STARTED, of=own.number, pid=pid, mark=mark)

    files = hook_files(site.state, name, own.number)
    return own, run_hook(name, hook, site.hook_env(name, why), files, started)


def _write_down(site: Site, own: Line, run: HookRun | None) -> None:
    """What came of a hook, ``None`` for one that never ran; then its mark has done its work."""
    name = own.get("name")
    told = {"name": name, "ran": run is not None}
    if run is not None:
        told |= {"code": run.code, "seconds": run.seconds, "timed_out": run.timed_out}
        told |= {"said": run.said}
    site.journal.end(own, **told)
    hook_files(site.state, name, own.number).mark.unlink(missing_ok=True)


def _ended(lines: Iterable[Line]) -> list[Line]:
    """The last lines of hooks that ran."""
    ends = (line for line in lines if line.kind == HOOK and line.phase == "end")
    return [line for line in ends if line.get("ran") is True]


def _told(line: Line) -> HookRun:
    return HookRun(
        name=line.get("name"),
        code=line.get("code"),
        seconds=line.get("seconds"),
        said=line.get("said") or "",
        timed_out=bool(line.get("timed_out")),
    )


def settle_hooks(site: Site) -> tuple[HookRun, ...]:
    """Finds out what became of hooks that ran when autotune was killed; waits for one that runs.

    A pause whose before hook never ran is over, and so is one whose after hook came to its end.
    """
    journal = site.journal
    hooks = (line for line in journal.open_steps() if line.kind == HOOK)
    found = tuple(run for line in hooks if (run := _settled(site, line)) is not None)
    step = open_pause(journal)
    if step is not None:
        _end_if_over(journal, step)
    for mark in (site.state / "hooks").glob("*.mark"):
        mark.unlink(missing_ok=True)
    return found


def _end_if_over(journal: Journal, step: Line) -> None:
    after = _last(journal, step, "after")
    if after is not None and (after.code is not None or after.timed_out):
        journal.end(step, code=after.code, ran=True)
    elif step.get("before") and _last(journal, step, "before") is None:
        journal.end(step, code=None, ran=False)


def _last(journal: Journal, step: Line, name: HookName) -> HookRun | None:
    """The last hook of that name that ran in a pause."""
    own = [run for run in hook_runs(journal, step.number) if run.name == name]
    return own[-1] if own else None


def _settled(site: Site, own: Line) -> HookRun | None:
    """What became of one hook, written down."""
    started = next(iter(site.journal.of(own, STARTED)), None)
    run = None if started is None else _adopted(site, own, started)
    _write_down(site, own, run)
    return run


def _adopted(site: Site, own: Line, started: Line) -> HookRun | None:
    name, same_boot = own.get("name"), own.get("boot") == site.boot
    files = hook_files(site.state, name, own.number)
    mark = started.get("mark") if same_boot else None
    run = adopt_hook(name, files, started.get("pid"), mark, own.get("timeout_s"))
    if run is None and not same_boot:
        # Its mark may not have reached the disk before the power was gone.
        return HookRun(name=name, code=None)
    return run
