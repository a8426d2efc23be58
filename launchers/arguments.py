"""Settings to command-line arguments, for engines whose flags look like ``--name value``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autotune.candidate import Setting


def text_of(value: Setting) -> str:
    """A value as an engine reads it: ``0.1`` stays ``0.1``, a whole float loses its point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def arguments(
    settings: Mapping[str, Setting],
    *,
    names: Mapping[str, str] | None = None,
    off: Mapping[str, Sequence[str]] | None = None,
    prefix: str = "--",
    negative: str = "no-",
    equals: bool = False,
) -> tuple[str, ...]:
    """`settings` as arguments, in the mapping's order.

    ``True`` is ``--name``; ``False`` is ``--no-name`` or what `off` says for it, which may be
    nothing for a switch that is off unless given. Other values follow the flag as their own
    argument, or after ``=``.
    """
    result: list[str] = []
    for setting, value in settings.items():
        name = (names or {}).get(setting, setting)
        if value is False:
            result += (off or {}).get(setting, [f"{prefix}{negative}{name}"])
        elif value is True:
            result.append(f"{prefix}{name}")
        elif equals:
            result.append(f"{prefix}{name}={text_of(value)}")
        else:
            result += [f"{prefix}{name}", text_of(value)]
    return tuple(result)
