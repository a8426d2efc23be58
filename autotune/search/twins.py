"""Configs that an engine runs alike, whatever was asked: the second one is not measured.

What an engine says that it runs with is read back after every launch. So two configs are known to
be twins

* before a launch, where one asks for what the other one got: ``flash-attn on`` after ``auto`` that
  came back as ``on``, a batch of 2048 after one of 4096 that was cut to it. A word that came back
  as the same other word several times, and never as another, is taken for that;
* after a launch, by what was read back: then it ends there, and costs a load.

Settings that are not read back have to be the same as they were asked. Everything is learnt again
from the trials of a study that goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autotune.candidate import Candidate, Setting
from autotune.search.ledger import COMPLETE, STOPPED, Entry

Settings = Mapping[str, Setting]
Signature = frozenset[tuple[str, str]]

SURE_AFTER = 3
"""Times that a word must have come back as the same one."""

_ON_OFF = {"on": "true", "off": "false"}


@dataclass(slots=True, kw_only=True)
class Twins:
    """What each measured config ran as. Keys are those of candidates."""

    _asked: dict[Signature, str] = field(default_factory=dict)
    _whole: dict[Signature, str] = field(default_factory=dict)
    _words: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _watched: str = ""

    def learn(self, asked: Settings, effective: Settings) -> None:
        """A config was measured, and ran as `effective`."""
        key = Candidate(asked).key
        if not effective or key in self._seen:
            return
        self._seen.add(key)
        self._whole.setdefault(_whole(asked, effective), key)
        for name in asked.keys() & effective.keys():
            if isinstance(asked[name], str):
                word = (name, _word(asked[name]))
                self._words.setdefault(word, []).append(_word(effective[name]))
        if all(_may_be_asked(asked[n], effective[n]) for n in asked.keys() & effective.keys()):
            self._asked.setdefault(_named(asked, effective), key)

    def relearn(self, entries: Iterable[Entry]) -> None:
        """Learn from the trials of a study; what is known already stays known."""
        for entry in entries:
            if entry.outcome in (COMPLETE, STOPPED):
                self.learn(entry.settings, entry.effective)

    def before(self, asked: Settings) -> str | None:
        """The measured config that `asked` will run as, if one is known to."""
        if Candidate(asked).key in self._seen:
            return None
        return self._asked.get(frozenset((n, self._will_be(n, v)) for n, v in asked.items()))

    def after(self, asked: Settings, effective: Settings) -> str | None:
        """The measured config that runs with just what was read back of `asked`."""
        if not effective or Candidate(asked).key in self._seen:
            return None
        return self._whole.get(_whole(asked, effective))

    def watch(self, arm: str) -> None:
        """The measurement of `arm` may end when it turns out to be a twin."""
        self._watched = arm

    def is_seen(self, candidate: Candidate, arm: str, effective: Settings) -> bool:
        """Whether the measurement of `arm` need not go on; what a real measurer asks."""
        return arm == self._watched and self.after(candidate.settings, effective) is not None

    def _will_be(self, name: str, value: Setting) -> str:
        """What `value` comes back as, where that is known; else itself."""
        word = _word(value)
        if not isinstance(value, str):
            return word
        came_back = self._words.get((name, word), [])
        sure = len(came_back) >= SURE_AFTER and len(set(came_back)) == 1
        return came_back[0] if sure else word


def _named(asked: Settings, effective: Settings) -> Signature:
    """The settings that were asked, as the engine runs them."""
    return frozenset((name, _word(effective.get(name, value))) for name, value in asked.items())


def _whole(asked: Settings, effective: Settings) -> Signature:
    """The same, and whatever else was read back."""
    both = {**asked, **effective}
    return frozenset((name, _word(value)) for name, value in both.items())


def _may_be_asked(asked: Setting, effective: Setting) -> bool:
    """Whether asking for what came back is asking for the same.

    Not of a number that leaves it to the engine (0, -1): other settings may go with that.
    """
    if _word(asked) == _word(effective) or isinstance(asked, str | bool):
        return True
    return asked > 0


def _word(value: Setting) -> str:
    """As a flag would be: numbers by value, switches and text as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value))
    text = str(value).lower()
    return _ON_OFF.get(text, text)
