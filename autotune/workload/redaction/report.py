"""What a redaction found and did: counts by rule, never any text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autotune.workload.model import Damage
from autotune.workload.redaction.options import RULE_NAMES


@dataclass(frozen=True, slots=True)
class RuleCount:
    """One rule: how many values it told apart, in how many places, in how many sessions.

    A place is one in the store of messages; a message that forty prompts carry counts once.
    """

    rule: str
    values: int
    places: int
    sessions: int


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of the texts that were changed, before and after; `texts` is how many there were.

    `exact` says that a tokenizer counted, and not characters by four; `inexact_texts` is how many
    have another count than before.
    """

    exact: bool
    texts: int = 0
    before: int = 0
    after: int = 0
    inexact_texts: int = 0


@dataclass(frozen=True, slots=True)
class RedactionReport:
    """`images` were not looked into: pictures may show anything."""

    sessions: int
    turns: int
    rules: tuple[RuleCount, ...]
    tokens: TokenCount
    text: str
    images: int = 0
    verified_lines: int = 0
    damage: tuple[Damage, ...] = ()

    @property
    def found(self) -> int:
        """Places in which a rule found something."""
        return sum(rule.places for rule in self.rules)


@dataclass(slots=True)
class Tally:
    """Counts as they come."""

    sessions: int = 0
    turns: int = 0
    images: int = 0
    _values: dict[str, set[str]] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _sessions: dict[str, set[int]] = field(default_factory=dict)

    def found(self, rule: str, value: str) -> None:
        """One more place in which `rule` found `value`."""
        self._values.setdefault(rule, set()).add(value)
        self._places[rule] = self._places.get(rule, 0) + 1
        self._sessions.setdefault(rule, set()).add(self.sessions)

    def began(self, turns: int) -> None:
        """Another session, of `turns` turns."""
        self.sessions += 1
        self.turns += turns

    def rules(self) -> tuple[RuleCount, ...]:
        """Every rule that found something, in the order of the rules."""
        return tuple(self._count(rule) for rule in _ordered(self._places))

    def _count(self, rule: str) -> RuleCount:
        return RuleCount(
            rule, len(self._values[rule]), self._places[rule], len(self._sessions[rule])
        )


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=RULE_NAMES.index)
