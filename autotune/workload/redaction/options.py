"""What a redaction is asked to do, and the rules that follow from it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from autotune.errors import UserError
from autotune.workload.redaction import rules as names
from autotune.workload.redaction.context_rules import CONTEXT_RULES
from autotune.workload.redaction.person_rules import HOST_RULES, PERSON_RULES
from autotune.workload.redaction.rules import Rule, Style
from autotune.workload.redaction.scanner import Scanner
from autotune.workload.redaction.secret_rules import SECRET_RULES
from autotune.workload.redaction.words import name_rules, secret_rules, word_rules

MIN_WORD_CHARS = 2

RULE_NAMES: tuple[str, ...] = (
    *(rule.name for rule in (*SECRET_RULES, *CONTEXT_RULES)),
    names.KNOWN_SECRET,
    *(rule.name for rule in PERSON_RULES),
    HOST_RULES[0].name,
    names.METADATA_ID,
    names.SESSION_ID,
    names.WORD,
)
"""Every rule, in the order in which they go before one another and are reported."""


class TextMode(StrEnum):
    """What becomes of the text that no rule speaks of."""

    KEEP = "keep"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RedactionOptions:
    """What is redacted.

    Attributes:
        salt: keys the pseudonyms; the same one gives the same output for the same input. It is
            nowhere written.
        words: the user's own, found anywhere and in any case.
        allow: values that stay, in any case: a name, an address, a domain.
        without: names of rules that are left out.
        hosts: whether addresses and names of private networks go.
        session_ids: whether ids of sessions go.
        text: ``none`` puts filler for every text.
    """

    salt: bytes
    words: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    hosts: bool = False
    session_ids: bool = False
    text: TextMode = TextMode.KEEP

    def check(self) -> None:
        """Raises `UserError` for words that would take the text apart, and unknown rules."""
        for word in self.words:
            if sum(char.isalnum() for char in word) < MIN_WORD_CHARS:
                raise UserError(
                    f"the word {word!r} is too short to be redacted",
                    f"give words with {MIN_WORD_CHARS} letters or more",
                )
        if unknown := sorted(self.without - set(RULE_NAMES)):
            raise UserError(f"there is no rule {unknown[0]!r}", f"rules: {', '.join(RULE_NAMES)}")


def salt_of(text: str) -> bytes:
    """The salt that a user names."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@dataclass(slots=True)
class Knowledge:
    """What a first pass over the captures learnt: values that are then looked for everywhere.

    `values` are all that go, by rule and style, `secrets` those of them that nobody writes by
    chance, `names` of accounts, `issued` digests of the pseudonyms that an earlier redaction
    left (see `marks`).
    """

    values: dict[str, tuple[str, Style]] = field(default_factory=dict)
    secrets: dict[str, None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    issued: set[str] = field(default_factory=set)


def base_scanner(options: RedactionOptions, issued: Collection[str] = ()) -> Scanner:
    """What can be found without knowing anything of the captures."""
    return Scanner(_kept(options, _all_rules(options, Knowledge())), options.allow, issued)


def full_scanner(options: RedactionOptions, known: Knowledge) -> Scanner:
    """What can be found once the captures were gone through."""
    return Scanner(_kept(options, _all_rules(options, known)), options.allow, known.issued)


def secret_scanner(options: RedactionOptions, known: Knowledge) -> Scanner:
    """Only what is a secret by its look, wherever it stands: for whole lines of a file."""
    rules = [*SECRET_RULES, *secret_rules(tuple(known.secrets))]
    return Scanner(_kept(options, rules), options.allow, known.issued)


def _all_rules(options: RedactionOptions, known: Knowledge) -> list[Rule]:
    """The user's words go first: they are asked for by name."""
    return [
        *SECRET_RULES,
        *secret_rules(tuple(known.secrets)),
        *CONTEXT_RULES,
        *word_rules(options.words),
        *PERSON_RULES,
        *name_rules(tuple(known.names)),
        *(HOST_RULES if options.hosts else ()),
    ]


def _kept(options: RedactionOptions, rules: Sequence[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.name not in options.without]
