"""Faults of what GPU profiles lay over a space: unknown names, values that are none, dead ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from autotune.search.space_check_starts import start_faults
from autotune.search.space_entries import Overlay, Scalar
from autotune.search.space_faults import Checked, Fault, listed, met_by
from autotune.search.space_values import among, is_symbol, refusal_of, shown


def overlay_faults(
    space: Checked, own: Mapping[str, Overlay], chains: Mapping[str, Sequence[str]]
) -> Iterator[Fault]:
    """Of `own`, what each profile says itself, and of the whole that it comes to.

    `chains` are the profiles that each is made of, itself first.
    """
    for profile, overlay in own.items():
        where = f"gpus/{profile}.toml"
        yield from _names(space, where, overlay)
        yield from _values(space, where, overlay)
        inherited = [s for name in chains[profile][1:] if name in own for s in own[name].start]
        defaults = _defaults(space, space.overlays.get(profile, overlay))
        before = [*space.file.start, *inherited]
        yield from start_faults(space, where, overlay.start, defaults, before)
        yield from _whole(space, where, space.overlays.get(profile, overlay))


def _defaults(space: Checked, overlay: Overlay) -> dict[str, Scalar]:
    """What every parameter is here where nothing is tuned; dropped ones are not there."""
    values = {name: entry.default for name, entry in space.file.parameters.items()}
    values |= {**overlay.defaults, **overlay.fix}
    return {name: value for name, value in values.items() if name not in overlay.drop}


def _names(space: Checked, where: str, overlay: Overlay) -> Iterator[Fault]:
    said: dict[str, list[str]] = {}
    tables: Mapping[str, object] = {
        "drop": dict.fromkeys(overlay.drop),
        "fix": overlay.fix,
        "choices": overlay.choices,
        "defaults": overlay.defaults,
        "why": overlay.why,
    }
    for key, table in tables.items():
        for name in table if isinstance(table, Mapping) else ():
            said.setdefault(name, []).append(key)
    for name, keys in said.items():
        if space.entry(name) is None:
            yield Fault(where, name, f"{' and '.join(keys)}: the space has no such parameter")
            continue
        exclusive = [key for key in keys if key in ("drop", "fix", "choices")]
        if len(exclusive) > 1:
            yield Fault(where, name, f"it stands under {' and under '.join(exclusive)}")
        if keys == ["why"]:
            yield Fault(where, name, "why gives a reason, and nothing is said of it")


def _values(space: Checked, where: str, overlay: Overlay) -> Iterator[Fault]:
    for name, values in overlay.choices.items():
        entry = space.entry(name)
        if entry is None:
            continue
        if not values:
            yield Fault(where, name, "it has no choices left: drop it instead")
        twice = [v for i, v in enumerate(values) if among(v, values[:i])]
        yield from (Fault(where, name, f"the choice {shown(v)} stands there twice") for v in twice)
    stated = [*overlay.choices.items(), *overlay.fix.items(), *overlay.defaults.items()]
    for name, said in stated:
        entry = space.entry(name)
        for value in listed(said) if entry is not None else ():
            reason = refusal_of(entry, value) if entry is not None else None
            if reason is not None:
                yield Fault(where, name, f"{shown(value)} {reason}")


def _whole(space: Checked, where: str, overlay: Overlay) -> Iterator[Fault]:
    """What only the profile with all that it inherits can show."""
    defaults = _defaults(space, overlay)
    for name, value in defaults.items():
        entry = space.entry(name)
        choices = overlay.choices.get(name)
        if entry is None or choices is None or is_symbol(value) or name in overlay.fix:
            continue
        if not among(value, choices):
            yield Fault(where, name, f"the default here, {shown(value)}, is not among its choices")
    for clause in space.file.forbid:
        if met_by(clause.when, defaults):
            yield Fault(where, " with ".join(clause.when), "what is forbidden is the default here")
    yield from _cut_off(space, where, overlay)


def _cut_off(space: Checked, where: str, overlay: Overlay) -> Iterator[Fault]:
    """Parameters whose condition cannot hold here any more, and that nobody dropped."""
    for name, entry in space.file.parameters.items():
        if name in overlay.drop or name in overlay.fix or not entry.searched:
            continue
        for parent, values in entry.requires.items():
            before = space.entry(parent)
            if before is None:
                continue
            here = overlay.choices.get(parent, before.choices)
            more = [v for given in before.choices_for.values() for v in given]
            default = overlay.defaults.get(parent, before.default)
            can_be = [overlay.fix[parent]] if parent in overlay.fix else [*here, *more, default]
            if parent in overlay.drop or not any(among(v, can_be) for v in listed(values)):
                yield Fault(where, name, f"unreachable here, for what is said of {parent}: drop it")
