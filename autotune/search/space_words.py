"""What ``--set``, ``--fix`` and ``[space.parameters]`` say of the flags of one engine.

``--fix name=value`` pins a flag, and so does ``--set name=value``. ``--set name=a,b,c`` searches it
among these values, ``--set name+=d`` adds one to those that it has. A flag that takes a list with
commas itself, JSON, and a flag that nobody has heard of stay what they were: one value, pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from autotune.candidate import Setting, setting_from
from autotune.errors import UserError
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import Spelling
from autotune.search.space_edits import Edit
from autotune.search.space_entries import ParameterEntry, SpaceFile
from autotune.search.space_values import refusal_of, shown

Spell = Callable[[str, Setting], Spelling]

_NOT_A_LIST = ("{", "[", '"', "'")


@dataclass(frozen=True, slots=True)
class Asked:
    """As it was written: ``--set`` by flag (``flag+`` for ``+=``), ``--fix`` by flag, tables."""

    sets: Mapping[str, Setting]
    fixes: Mapping[str, Setting]
    tables: Mapping[str, Edit]


@dataclass(frozen=True, slots=True)
class Said:
    """What it means: pinned flags, and what is laid over the space's parameters."""

    pins: Mapping[str, Setting]
    edits: Mapping[str, Edit]


@dataclass(frozen=True, slots=True)
class Words:
    """One engine's flags: its space, its build, and what the build calls a setting."""

    file: SpaceFile
    build: EngineBuild
    spelled: Spell
    quality: bool

    def read(self, asked: Asked) -> Said:
        """What was asked. Raises `UserError` for flags and values that the engine has not."""
        pins: dict[str, Setting] = {}
        edits: dict[str, Edit] = {name: dict(table) for name, table in asked.tables.items()}
        for key, value in asked.sets.items():
            name, adds = key.removesuffix("+"), key.endswith("+")
            _refuse_both(name, asked.fixes)
            if adds or self._lists(name, value):
                choices = _split(value)
                self._check(name, choices)
                self._refuse_held(name, key, value)
                edits[name] = {**edits.get(name, {}), "add" if adds else "choices": choices}
            else:
                self._check(name, [value])
                pins[name] = value
        for name, value in asked.fixes.items():
            self._check(name, [value])
            pins[name] = value
        for name in asked.tables:
            self._check_table(name, edits[name])
        return Said(pins, {n: edit for n, edit in edits.items() if n not in pins})

    def _lists(self, name: str, value: Setting) -> bool:
        """Whether `value` is several values to choose from, and not one with commas in it."""
        if not isinstance(value, str) or "," not in value or value.startswith(_NOT_A_LIST):
            return False
        parts, entry = _split(value), self.file.parameters.get(name)
        if len(parts) < 2 or self._takes_commas(name, entry):
            return False
        if entry is not None:
            return True
        told = self.spelled(name, parts[0])
        allowed = told.allowed or frozenset()
        numbers = all(isinstance(part, int | float) for part in parts)
        return bool(self.build.flags) and told.known and (numbers or {*map(str, parts)} <= allowed)

    def _takes_commas(self, name: str, entry: ParameterEntry | None) -> bool:
        usage = self.build.usage.get(name)
        if usage is not None and ("," in usage.hint or "comma-separated" in usage.about.lower()):
            return True
        return entry is not None and any("," in str(value) for value in entry.every_choice)

    def _check(self, name: str, values: Iterable[Setting]) -> None:
        """Raises `UserError` for a flag that is not there, and for a value that it has not."""
        entry = self.file.parameters.get(name)
        for value in values:
            told = self.spelled(name, value)
            if not told.known:
                raise self._unknown(name, told)
            reason = refusal_of(entry, value) if entry is not None else None
            if reason is not None:
                raise UserError(
                    f"{name} = {shown(value)} {reason}",
                    "what there is to choose from: autotune engine flags ENGINE",
                )
            if not told.takes(value):
                allowed = ", ".join(sorted(told.allowed or ()))
                raise UserError(
                    f"this build of the engine has no {name} = {shown(value)}",
                    f"it takes {allowed}" if allowed else "leave it out, or use a newer build",
                )

    def _check_table(self, name: str, table: Edit) -> None:
        told = self.spelled(name, "")
        if not told.known and name not in self.file.parameters:
            raise self._unknown(name, told)
        values = [*table.get("choices", ()), *table.get("add", ())]
        self._check(name, [v for v in values if isinstance(v, bool | int | float | str)])

    def _refuse_held(self, name: str, key: str, value: Setting) -> None:
        entry = self.file.parameters.get(name)
        if entry is not None and entry.quality and not self.quality:
            raise UserError(
                f"--set {key}={shown(value)} would search what can change the model's replies",
                f"add --quality guard, or pin one value: --fix {name}=VALUE",
            )

    def _unknown(self, name: str, told: Spelling) -> UserError:
        known = {*self.file.parameters, *self.build.flags}
        near = get_close_matches(name, sorted(known), n=1)
        meant = f"did you mean {near[0]}?" if near else ""
        hint = told.advice or meant or "see what it accepts: autotune engine flags ENGINE --all"
        return UserError(f"this build of the engine has no flag --{name}", hint)


def _refuse_both(name: str, fixes: Mapping[str, Setting]) -> None:
    if name in fixes:
        raise UserError(f"--set and --fix both speak of {name}", "keep one of the two")


def _split(value: Setting) -> list[Setting]:
    """The values between the commas, each what it looks like."""
    if not isinstance(value, str):
        return [value]
    parts = [part.strip() for part in value.split(",")]
    return [setting_from(part) for part in parts if part]
