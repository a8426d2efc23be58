"""What a build calls a setting: engines rename flags, and an older build knows the older name.

Settings keep one name, the newest: in search spaces, studies and reports. Only the command line is
spelt as the build's own ``--help`` has it. The names that there were are data: see `llama_forms`
and ``[flags] aliases`` in a manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from autotune.candidate import Candidate, Setting
from autotune.launchers.arguments import text_of
from autotune.launchers.failure import TrialError
from autotune.launchers.program import FlagUsage
from autotune.launchers.protocol import EngineBuild, LaunchContext, Launcher


class Standing(StrEnum):
    """How a build stands to a setting's name. ``UNTOLD``: the engine does not list its flags."""

    SAME = "same"
    RENAMED = "renamed"
    REMOVED = "removed"
    UNKNOWN = "unknown"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Form:
    """Another form that builds have had for a setting.

    `name` is a flag that takes the value as it is. `values` are whole arguments by value, for
    flags that were switches; a value is left out where the build has not every flag of its
    arguments, and `rest` lets other values through as they are. With `unless` the form is one of
    the setting's own flag, in builds whose help of it does not have that text. `default` is what
    such a build does by itself, where it differs.
    """

    name: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rest: bool = False
    unless: str = ""
    default: Setting | None = None


Forms = Mapping[str, tuple[Form, ...]]
"""A setting's newest name -> its other forms, newest first."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """What one build calls one setting.

    `flag` is the long name without dashes, empty where there is none; `allowed` are the values
    that the help lists, ``None`` where it lists none; `advice` says what to use instead.
    """

    setting: str
    standing: Standing
    flag: str = ""
    form: Form | None = None
    accepted: frozenset[str] = frozenset()
    allowed: frozenset[str] | None = None
    advice: str = ""

    @property
    def known(self) -> bool:
        """Whether the setting can be given to this build, as far as anybody can tell."""
        return self.standing not in (Standing.REMOVED, Standing.UNKNOWN)

    @property
    def shown(self) -> str:
        """For people: ``--swa-checkpoints``, ``--mlock, --no-mmap``; empty where there is none."""
        if self.form is not None and self.form.values:
            flags = {a for args in self._values.values() for a in args if a.startswith("--")}
            return ", ".join(sorted(flags))
        return f"--{self.flag}" if self.flag else ""

    @property
    def _values(self) -> Mapping[str, tuple[str, ...]]:
        """Of the form's values those of which the build has every flag."""
        values = self.form.values if self.form is not None else {}
        return {v: a for v, a in values.items() if _all_in(a, self.accepted)}

    def can_say(self, value: Setting) -> bool:
        """Whether there is a way to give `value` to this build at all."""
        if self.form is not None and self.form.values and not self.form.rest:
            return _key(value) in self._values
        return self.known

    def takes(self, value: Setting) -> bool:
        """Whether the build is known to have `value`, as far as its help lists values."""
        if not self.can_say(value):
            return False
        stated = isinstance(value, str) and self.stated(value) is None
        return not stated or self.allowed is None or set(str(value).split(",")) <= self.allowed

    def stated(self, value: Setting) -> tuple[str, ...] | None:
        """The whole arguments for `value` where the form says them, else ``None``."""
        return self._values.get(_key(value))

    def default(self, value: Setting) -> Setting:
        """What the build does by itself, where newer builds do `value`."""
        own = self.form.default if self.form is not None else None
        return value if own is None else own


def _key(value: Setting) -> str:
    return text_of(value).lower() if isinstance(value, bool) else text_of(value)


def _all_in(arguments: Sequence[str], accepted: frozenset[str]) -> bool:
    return all(a[2:] in accepted for a in arguments if a.startswith("--"))


def spell(setting: str, build: EngineBuild, forms: Forms, flag: str = "") -> Spelling:
    """What `build` calls `setting`, whose newest name is `flag` (its own name, if not given)."""
    name, accepted = flag or setting, build.flags
    if not accepted:
        return Spelling(setting, Standing.UNTOLD, name)
    others = forms.get(setting, ())
    if name in accepted or f"no-{name}" in accepted:
        usage = build.usage.get(name)
        form = next((f for f in others if usage is not None and _is_older(f, usage)), None)
        allowed = allowed_in(usage) if usage is not None else None
        return Spelling(setting, Standing.SAME, name, form, accepted, allowed)
    for form in others:
        found = Spelling(setting, Standing.RENAMED, form.name, form, accepted)
        if form.name in accepted or (form.values and not form.unless and found.shown):
            return found
    return _absent(setting, name, build, forms)


def _is_older(form: Form, usage: FlagUsage) -> bool:
    return bool(form.unless) and form.unless not in f"{usage.hint} {usage.about}"


def _absent(setting: str, name: str, build: EngineBuild, forms: Forms) -> Spelling:
    usage = build.usage.get(name)
    standing = Standing.REMOVED if usage is not None and usage.removed else Standing.UNKNOWN
    now = [f"--set {n}" for n in called_now(setting, forms) if n.split("=")[0] in build.flags]
    advice = f"use {' or '.join(now)}" if now else ""
    return Spelling(setting, standing, advice=advice)


def called_now(old: str, forms: Forms) -> tuple[str, ...]:
    """The newest names of an old flag: ``spec-draft-n-max``; ``load-mode=mlock`` for a switch."""
    names = [setting for setting, others in forms.items() for f in others if f.name == old]
    values = [
        f"{setting}={value}"
        for setting, others in forms.items()
        for form in others
        for value, args in form.values.items()
        if args == (f"--{old}",) and not form.unless
    ]
    return (*names, *values)


def spelling_of(
    launcher: Launcher, build: EngineBuild, setting: str, value: Setting | None = None
) -> Spelling:
    """As the launcher spells it, if it has a `spelling` method; else by the build's help alone.

    A setting that the help has not but of which the launcher writes `value` is its own affair.
    """
    own = getattr(launcher, "spelling", None)
    if own is not None:
        found: Spelling = own(setting)
        return found
    told = spell(setting, build, {})
    if not told.known and value is not None and _writes(launcher, setting, value):
        return Spelling(setting, Standing.SAME, accepted=build.flags)
    return told


def _writes(launcher: Launcher, setting: str, value: Setting) -> bool:
    """Whether a command with that setting can be made; making one touches nothing."""
    nowhere = Path("/nonexistent")
    context = LaunchContext(nowhere / "model", nowhere, nowhere / "log", "spelling", port=1)
    try:
        launcher.command(Candidate({setting: value}), context)
    except TrialError:
        return False
    return True


_BRACKETED = re.compile(
    r"""^(?: [\[{(<]? ([\w-]+ (?:\|[\w-]+)+) [\]})>]?
          | [\[{(]?  ([\w-]+ (?:,[\w-]+)+)  [\]})]? )$""",
    re.VERBOSE,
)
_LISTED = re.compile(r"allowed values: ([\w.+-]+(?:, [\w.+-]+)*)")


def allowed_in(usage: FlagUsage) -> frozenset[str] | None:
    """The values that a flag's help lists: ``[on|off]``, ``{a,b}``, ``allowed values: a, b``."""
    if (found := _LISTED.search(usage.about)) is not None:
        return frozenset(found[1].split(", "))
    bracketed = _BRACKETED.match(usage.hint)
    if bracketed is None:
        return None
    return frozenset(re.split(r"[|,]", bracketed[1] or bracketed[2]))
