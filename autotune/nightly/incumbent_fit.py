"""The config in use on tonight's engine: what of it the engine still takes, found out by asking it.

First what its ``--help`` says of each flag, then one start: a build may list a flag and refuse it.
What it does not take is left out and told; what it calls otherwise is spelt as it knows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from autotune.candidate import Candidate, Setting
from autotune.export.model import ExportConfig
from autotune.hardware.gpu import GpuProbe
from autotune.launchers.failure import Failure, FailureKind
from autotune.launchers.protocol import EngineBuild, Launcher
from autotune.launchers.spelling import Spelling, Standing, spelling_of
from autotune.nightly.canary import canary_measurer
from autotune.nightly.fingerprint import Seen
from autotune.nightly.night_record import DroppedNote
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History, ReplayPlan
from autotune.search.opening import scratch
from autotune.search.request import RunRequest
from autotune.study.files import write_json

MOST_STARTS = 6
"""Each one but the last finds another flag that is refused."""

_REFUSED = frozenset({FailureKind.BAD_FLAG, FailureKind.SETTINGS_DIFFER})
_FLAG = re.compile(r"--([A-Za-z0-9][A-Za-z0-9_-]*)")
_NOT_A_FLAG = "model"

Row = TypeVar("Row")

Start = Callable[[Mapping[str, Setting]], Failure | None]
"""Starts the engine with settings and stops it; why it did not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """`settings` are all that the engine is given, `told` those of them that the config is about.

    `renamed` has the flag that is written now, by setting. `problem` is why it does not run even
    so, ``None`` where it does.
    """

    settings: Mapping[str, Setting]
    told: Mapping[str, Setting]
    dropped: tuple[DroppedNote, ...] = ()
    renamed: Mapping[str, str] | None = None
    problem: Failure | None = None

    @property
    def is_other(self) -> bool:
        """Whether an export of it would be written otherwise than it was."""
        return bool(self.dropped or self.renamed)

    def without(self, name: str, why: str) -> Fitted:
        """The same without a setting, and a word on it where the config is about it."""
        note = [DroppedNote(setting=name, value=_text(self.told[name]), why=why)]
        return replace(
            self,
            settings={n: v for n, v in self.settings.items() if n != name},
            told={n: v for n, v in self.told.items() if n != name},
            dropped=(*self.dropped, *(note if name in self.told else [])),
        )

    def write(self, path: Path, engine: str) -> Path:
        """The file that ``--incumbent`` takes."""
        write_json(path, {"provenance": {"engine": engine}, "settings": dict(self.told)})
        return path


def fit(
    config: ExportConfig, launcher: Launcher, build: EngineBuild, *, full: bool = False
) -> Fitted:
    """`config` as `build` takes it by its own word. With `full` every setting is exported."""
    everything = {n: v for n, v in config.full_settings.items() if n != _NOT_A_FLAG}
    about = everything if full else {n: v for n, v in config.settings.items() if n in everything}
    found = Fitted(settings=everything, told=about)
    renamed: dict[str, str] = {}
    for name, value in everything.items():
        told = spelling_of(launcher, build, name, value)
        if (why := _why_not(told, value)) is not None:
            found = found.without(name, why) if name in about else _quietly(found, name)
        elif told.standing is Standing.RENAMED and name in about:
            renamed[name] = told.shown
    return replace(found, renamed=renamed or None)


def _quietly(found: Fitted, name: str) -> Fitted:
    return replace(found, settings={n: v for n, v in found.settings.items() if n != name})


def _why_not(told: Spelling, value: Setting) -> str | None:
    if not told.known:
        gone = "its help says that it was removed" if told.standing is Standing.REMOVED else ""
        advice = told.advice or gone or "its help does not list it"
        return f"this build has no --{told.setting}: {advice}"
    return None if told.can_say(value) else f"this build has no {told.setting} = {_text(value)}"


def proven(found: Fitted, launcher: Launcher, build: EngineBuild, start: Start) -> Fitted:
    """`found` without what the engine refuses when it is started.

    A failure that names no setting of it is its `problem`: then it does not run on this machine.
    """
    for _ in range(MOST_STARTS):
        failure = start(found.settings)
        if failure is None:
            return found
        names = _named(failure, found, launcher, build) if failure.kind in _REFUSED else []
        if not names:
            return replace(found, problem=failure)
        for name in names:
            why = f"the engine refuses it: {failure.message}"
            found = found.without(name, why) if name in found.told else _quietly(found, name)
    return replace(found, problem=failure)


def _named(failure: Failure, found: Fitted, launcher: Launcher, build: EngineBuild) -> list[str]:
    """The settings that a failure is about."""
    if failure.settings:
        return [name for name in failure.settings if name in found.settings]
    flags = set(_FLAG.findall(f"{failure.message} {failure.evidence}"))
    written = {name: _flags_of(name, launcher, build) for name in found.settings}
    return [name for name, own in written.items() if own & flags]


def _flags_of(name: str, launcher: Launcher, build: EngineBuild) -> set[str]:
    """What may stand on the command line for a setting, without dashes."""
    told = spelling_of(launcher, build, name)
    names = {name, told.flag or name, *_FLAG.findall(told.shown)}
    return names | {f"no-{one}" for one in names} | {one.removeprefix("no-") for one in names}


def asked_of_build(
    request: RunRequest, launcher: Launcher, build: EngineBuild
) -> tuple[RunRequest, tuple[str, ...]]:
    """`request` without what it says of flags that this build does not have, and their names.

    A person who is there is told to mend that; a night goes on without them and says so.
    """
    names = dict.fromkeys((*request.pins, *request.fixes, *request.tables))
    gone = tuple(name for name in names if not spelling_of(launcher, build, name).known)
    kept = replace(
        request,
        pins=_less(request.pins, gone),
        fixes=_less(request.fixes, gone),
        tables=_less(request.tables, gone),
    )
    return kept, gone


def _less(table: Mapping[str, Row], names: Collection[str]) -> dict[str, Row]:
    return {name: row for name, row in table.items() if name not in names}


def starter(seen: Seen, probe: GpuProbe, logs: Path) -> Start:
    """Starts tonight's engine with tonight's model, and stops it as soon as it is up."""
    nothing = ReplayPlan(turns=(), history=History.CLOSED_LOOP, concurrency=1, digest="")

    def start(settings: Mapping[str, Setting]) -> Failure | None:
        with scratch() as work:
            measurer = canary_measurer(
                seen, probe, logs=logs, work=work, rendering=Rendering.NATIVE
            )
            once = replace(measurer, seen=lambda *_: True)
            found = once.measure(
                Candidate(settings), nothing, arm="incumbent", block=0, sink=lambda _: None
            )
        return found.failure

    return start


def _text(value: Setting) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)
