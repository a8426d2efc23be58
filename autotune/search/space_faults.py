"""What is wrong with a search space: where, with which parameter, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from autotune.search.space import UNSET
from autotune.search.space_entries import Overlay, ParameterEntry, Scalar, SpaceFile, Values
from autotune.search.space_values import among, is_symbol, refusal_of, shown


@dataclass(frozen=True, slots=True)
class Fault:
    """`where` is a file, `parameter` what in it, empty where it is the file itself."""

    where: str
    parameter: str
    reason: str

    @property
    def line(self) -> str:
        """For people: ``gpus/cpu.toml: threads: ...``."""
        return ": ".join(part for part in (self.where, self.parameter, self.reason) if part)


@dataclass(frozen=True, slots=True)
class Checked:
    """A space that is checked: the file, what it is called, and the overlays laid over it.

    `overlays` are by GPU profile, whole: with what the profile inherits.
    """

    file: SpaceFile
    where: str
    overlays: Mapping[str, Overlay] = field(default_factory=dict)

    def entry(self, name: str) -> ParameterEntry | None:
        """The parameter's table; ``None`` where there is none."""
        return self.file.parameters.get(name)

    def choosable(self, name: str) -> list[Scalar]:
        """Every value that a search may come to, on any GPU."""
        entry = self.file.parameters[name]
        found = [*entry.every_choice, entry.default]
        for overlay in self.overlays.values():
            found += overlay.choices.get(name, [])
            found += [t[name] for t in (overlay.fix, overlay.defaults) if name in t]
        return found

    def may_be(self, name: str, value: Scalar) -> bool:
        """Whether `value` can stand there, be it only where somebody pins it."""
        entry = self.file.parameters[name]
        if is_symbol(value) or among(value, [*self.choosable(name), *(entry.accepts or [])]):
            return True
        return entry.type in ("integer", "number") and refusal_of(entry, value) is None


def listed(values: Values) -> list[Scalar]:
    """One value or several, as several."""
    return values if isinstance(values, list) else [values]


def numbers_in(values: Iterable[Scalar]) -> list[float] | None:
    """The numbers; ``None`` where a symbol may be any number."""
    found = []
    for value in values:
        if is_symbol(value) and value != UNSET:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.append(float(value))
    return found


def met_by(condition: Mapping[str, Values], values: Mapping[str, Scalar]) -> bool:
    """Whether every parameter named has one of the values named. A symbol is never known to."""
    return all(
        name in values and not is_symbol(values[name]) and among(values[name], listed(allowed))
        for name, allowed in condition.items()
    )


def condition_faults(
    space: Checked, where: str, name: str, key: str, condition: Mapping[str, Values]
) -> Iterator[Fault]:
    """What is wrong with the condition that stands under `key`."""
    for other, values in condition.items():
        if space.entry(other) is None:
            yield Fault(where, name, f"{key} names {other}, which is no parameter")
        elif other == name:
            yield Fault(where, name, f"{key} names the parameter itself")
        else:
            for value in listed(values):
                if not space.may_be(other, value):
                    yield Fault(where, name, f"{key}: {other} is never {shown(value)}")
