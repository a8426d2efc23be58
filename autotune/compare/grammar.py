"""An arm as a person writes it: a base, and words with commas that change how it is measured.

::

    default   STUDY   STUDY:best   STUDY#7   exports/config.json   http://127.0.0.1:8080
    cache=on   cache=off   history=recorded   STUDY#7,cache=off
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from autotune.errors import UserError
from autotune.launchers.protocol import CacheArm
from autotune.replay.plan import History

DEFAULT = "default"
BEST = "best"
CHOICES = {
    "cache": tuple(arm.value for arm in CacheArm),
    "history": tuple(history.value for history in History),
}
"""The words that change an arm, and what each may be."""

_FORMS = "an arm is default, STUDY, STUDY#7, a config's .json, a URL, cache=off or history=recorded"
_CHANGE = re.compile(r"([A-Za-z][A-Za-z-]*)=([^/=]*)")
_TRIAL = re.compile(r"(.+)#(\d+)")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):\d+(?:/\S*)?")


class Kind(StrEnum):
    """What an arm is made from."""

    DEFAULT = "default"
    STUDY = "study"
    CONFIG = "config"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Base:
    """`text` is the study's name, the file or the URL; `trial` is ``None`` for the winner."""

    kind: Kind
    text: str
    trial: int | None = None


@dataclass(frozen=True, slots=True)
class ArmWords:
    """One arm, understood. `name` is what it is called on disk and in tables."""

    name: str
    base: Base
    cache: CacheArm | None = None
    history: History | None = None


def parse_arms(texts: Sequence[str]) -> tuple[ArmWords, ...]:
    """Every arm of a command line; the first is the baseline.

    An arm that is named twice is measured twice: the second is called ``default (2)``. Raises
    `UserError` for fewer than two arms and for words that are none.
    """
    if len(texts) < 2:
        raise UserError(
            "a comparison needs two arms" if texts else "no arms: nothing says what to compare",
            "the first is the baseline: autotune compare cache=on cache=off --workload PATH",
        )
    found: list[ArmWords] = []
    for text in texts:
        arm = parse_arm(text)
        same = sum(other.name.partition(" (")[0] == arm.name for other in found)
        found.append(replace(arm, name=f"{arm.name} ({same + 1})") if same else arm)
    return tuple(found)


def parse_arm(text: str) -> ArmWords:
    """One arm. Raises `UserError` that says what was probably meant."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise UserError(f"the arm {text!r} has an empty word in it", _FORMS)
    if _CHANGE.fullmatch(words[0]) and not Path(words[0]).is_file():
        base, changes = Base(Kind.DEFAULT, DEFAULT), words
    else:
        base, changes = _base(words[0]), words[1:]
    said = _changes(changes, text)
    shown = [f"{name}={said[name]}" for name in CHOICES if name in said]
    if base.kind is not Kind.DEFAULT or not shown:
        shown.insert(0, words[0] if base.kind is not Kind.DEFAULT else DEFAULT)
    return ArmWords(
        ",".join(shown),
        base,
        CacheArm(said["cache"]) if "cache" in said else None,
        History(said["history"]) if "history" in said else None,
    )


def _base(text: str) -> Base:
    if "://" in text or _HOST.fullmatch(text):
        return Base(Kind.ENDPOINT, text)
    if text == DEFAULT:
        return Base(Kind.DEFAULT, text)
    if text.endswith(".json"):
        return Base(Kind.CONFIG, text)
    if "=" in text:
        raise UserError(f"{text!r} is no arm", _FORMS)
    if (trial := _TRIAL.fullmatch(text)) is not None:
        return Base(Kind.STUDY, trial[1], int(trial[2]))
    study, colon, which = text.partition(":")
    if not study or "#" in text or (colon and which != BEST):
        meant = study.partition("#")[0] or "STUDY"
        raise UserError(
            f"{text!r} names no config of a study",
            f"write {meant}:{BEST} for its winner, or {meant}#7 for its trial 7",
        )
    return Base(Kind.STUDY, study)


def _changes(words: Sequence[str], arm: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or value not in CHOICES.get(name, ()):
            raise UserError(f"{word!r} in the arm {arm!r} is unknown", _meant(word))
        if said.setdefault(name, value) != value:
            raise UserError(f"the arm {arm!r} says {name} twice", "say it once in each arm")
    return said


def _meant(word: str) -> str:
    known = [f"{name}={value}" for name, values in CHOICES.items() for value in values]
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else f"one of: {', '.join(known)}"
