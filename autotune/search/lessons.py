"""What failed trials teach of configs that were not tried, and what good ones take back.

* **Memory**: whatever asks for at least as much of everything would not fit either
  (`models.memory_order`). Where the engine named how far a setting could have gone, more is out.
* **Context**: a session that was too long for its room is too long for less.
* **A flag that the engine refused, or runs with another value**: that value is out.
* **Anything else** (a crash that came twice, a hang, a load error, a bad reply) may have been an
  accident, so its values are suspects: those that were never seen to run. A value that two configs
  had when they failed, and none when it ran, is out.

A config that runs clears every value that it has, and every memory failure of a trial that asked
for no more than it: then somebody else had the memory. The default's values are never out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.models.memory_order import MemoryOrder, Side

Settings = Mapping[str, Setting]
Value = tuple[str, str]
"""A setting's name, and a value of it as a word."""

SUSPECT_AFTER = frozenset(
    {
        FailureKind.HANG, FailureKind.TIMEOUT, FailureKind.CRASH, FailureKind.LOAD_ERROR,
        FailureKind.BAD_REPLY, FailureKind.WRONG_LENGTH, FailureKind.CACHE_ARM,
        FailureKind.BAD_FLAG, FailureKind.SETTINGS_DIFFER,
    }
)  # fmt: skip
"""Failures that are the config's own, as far as one can say. Ports, hidden configuration, other
servers and interrupts are the machine's; quality is judged config by config."""

STRIKES = 2
"""Configs that must fail with a value, and none run, before it is out: one may be an accident."""

_ON_DEVICE = re.compile(r"cuda|hip|rocm|metal|vulkan|sycl|gpu|vram|device memory", re.IGNORECASE)
_ON_HOST = re.compile(
    r"std::bad_alloc|cannot allocate memory|SIGKILL|host memory|\bCPU\b", re.IGNORECASE
)
_FLAG = re.compile(r"--([a-z0-9][a-z0-9_.-]*)")


@dataclass(frozen=True, slots=True)
class MemoryLesson:
    """One config that ran out of memory. `trial` is ``None`` where it was no trial."""

    settings: Settings
    side: Side
    bound: Mapping[str, int]
    trial: int | None

    @property
    def name(self) -> str:
        """Which config it was, in words."""
        return "a config" if self.trial is None else f"trial {self.trial}"

    def is_disproved_by(self, good: Settings, order: MemoryOrder) -> bool:
        """Whether `good`, which ran, asks for no less."""
        if self.trial is None:
            return False
        return order.more(good, self.settings, self.side) is not None


@dataclass(slots=True, kw_only=True)
class Lessons:
    """Everything learnt. It is the same whoever learns it again, from the trials of a study."""

    _memory: dict[str, MemoryLesson] = field(default_factory=dict)
    _short: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    _bans: dict[Value, int | None] = field(default_factory=dict)
    _strikes: dict[Value, dict[str, str]] = field(default_factory=dict)
    _ran: set[Value] = field(default_factory=set)
    _good: dict[str, Settings] = field(default_factory=dict)
    _rooms: set[int | None] = field(default_factory=set)

    def failed(
        self,
        settings: Settings,
        failure: Failure,
        *,
        order: MemoryOrder,
        room: int | None,
        trial: int | None,
    ) -> None:
        """A config failed. `room` is the context that a session had under it.

        Without a `trial` it was filled deeper than any trial: none takes that back.
        """
        key = Candidate(settings).key
        if failure.kind is FailureKind.OUT_OF_MEMORY:
            lesson = MemoryLesson(settings, side_of(failure), failure.bound, trial)
            if not any(lesson.is_disproved_by(good, order) for good in self._good.values()):
                self._memory[key] = lesson
        elif failure.kind is FailureKind.CONTEXT_OVERFLOW and room is not None:
            self._short[key] = (room, trial)
        elif failure.kind in SUSPECT_AFTER:
            self._suspect(settings, failure, key, trial)

    def _suspect(self, settings: Settings, failure: Failure, key: str, trial: int | None) -> None:
        named = [_value(name, settings[name]) for name in faulty_settings(failure, settings)]
        if named:
            self._bans.update((value, trial) for value in named if value not in self._ran)
            return
        name = "a config" if trial is None else f"trial {trial}"
        for value in _values(settings):
            if value not in self._ran:
                words = f"{name} ({failure.kind.value})"
                self._strikes.setdefault(value, {})[key] = words

    def ran(self, settings: Settings, order: MemoryOrder, room: int | None) -> None:
        """A config was measured. `room` is the context that a session had under it."""
        self._rooms.add(room)
        self._ran.update(_values(settings))
        for value in _values(settings):
            self._bans.pop(value, None)
            self._strikes.pop(value, None)
        self._good[Candidate(settings).key] = settings
        held = self._memory.items()
        self._memory = {k: one for k, one in held if not one.is_disproved_by(settings, order)}

    def refusal(
        self, settings: Settings, *, order: MemoryOrder, room: int | None, default: Settings
    ) -> Failure | None:
        """Why `settings` need not be tried; ``None`` where nothing says so."""
        found = self._too_large(settings, order)
        if found is not None or Candidate(settings).key in self._good:
            return found
        return self._too_short(room) or self._known_bad(settings, default)

    def _too_large(self, settings: Settings, order: MemoryOrder) -> Failure | None:
        for lesson in self._memory.values():
            words = _beyond(settings, lesson, order)
            if words is not None:
                return Failure(FailureKind.OUT_OF_MEMORY, words)
        return None

    def _too_short(self, room: int | None) -> Failure | None:
        if room is None:
            return None
        for most, trial in self._short.values():
            if room <= most and room not in self._rooms:
                name = "a config" if trial is None else f"trial {trial}"
                words = f"a session has room for {room} tokens: {name} overflowed with {most}"
                return Failure(FailureKind.CONTEXT_OVERFLOW, words)
        return None

    def _known_bad(self, settings: Settings, default: Settings) -> Failure | None:
        own = set(_values(default))
        for value in _values(settings):
            if value in own:
                continue
            name, word = value
            if value in self._bans:
                trial = self._bans[value]
                where = "" if trial is None else f" in trial {trial}"
                words = f"the engine did not take {name} {word}{where}"
                return Failure(FailureKind.BAD_FLAG, words)
            seen = self._strikes.get(value, {})
            if len(seen) >= STRIKES:
                who = " and ".join(sorted(seen.values())[:STRIKES])
                words = f"{name} {word} has never run: {who} had it"
                return Failure(FailureKind.CRASH, words)
        return None


def side_of(failure: Failure) -> Side:
    """Whose memory ran out, as far as the engine's own words say."""
    words = f"{failure.evidence} {failure.message}"
    device, host = _ON_DEVICE.search(words), _ON_HOST.search(words)
    if (device is None) == (host is None):
        return Side.UNKNOWN
    return Side.HOST if device is None else Side.DEVICE


def faulty_settings(failure: Failure, settings: Settings) -> tuple[str, ...]:
    """The settings that the engine named when it refused, or that it runs otherwise.

    None where it named none, or more than one of those that were asked: then it may be the
    combination.
    """
    if failure.kind is FailureKind.SETTINGS_DIFFER:
        return tuple(name for name in failure.settings if name in settings)
    if failure.kind is not FailureKind.BAD_FLAG:
        return ()
    words = f"{failure.evidence} {failure.message}"
    named = {flag.removeprefix("no-") for flag in _FLAG.findall(words)} & set(settings)
    return tuple(named) if len(named) == 1 else ()


def _beyond(settings: Settings, lesson: MemoryLesson, order: MemoryOrder) -> str | None:
    above = order.more(settings, lesson.settings, lesson.side)
    if above is not None:
        return f"asks for no less memory than {lesson.name}, which ran out of it" + (
            ": " + _against(settings, lesson.settings, above) if above else ""
        )
    for name, most in lesson.bound.items():
        value = settings.get(name)
        like = order.more(settings, lesson.settings, lesson.side, but=name) is not None
        if isinstance(value, int | float) and value > most and like:
            return f"{name} above {most}: the engine said in {lesson.name} that no more fits"
    return None


def _against(settings: Settings, known: Settings, names: Iterable[str]) -> str:
    """``ctx-size 65536 (32768)``: what was asked for, and there."""
    return ", ".join(f"{name} {settings.get(name)} ({known.get(name)})" for name in names)


def _values(settings: Settings) -> list[Value]:
    return [_value(name, value) for name, value in settings.items()]


def _value(name: str, value: Setting) -> Value:
    return name, str(value).lower() if isinstance(value, bool) else str(value)
