"""Drafts: how many tokens a step checks, and how many of them stand.

Acceptance depends on the text. Every turn has its own share of what is copied from the context,
drawn once from its name: the same for every candidate, as a capture's would be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from autotune.candidate import Setting
from autotune.models.cache_settings import whole
from autotune.simulated.models import Acceptance

_LEAST_MATCH = 3
_FOUND_FADES = 0.93
_WRONG_FADES = 0.90
"""For each token more that has to match: how often a match is found, how often it errs."""

_WRONG_LEAST = 0.07
"""However long the match: what is copied ends somewhere, after some fourteen tokens."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What speculation does at each step.

    Attributes:
        drafts: share of the steps that have a draft at all.
        tokens: of such a draft.
        stands: chance of each of its tokens, given those before.
        passes: runs of a drafting head for each draft, each about one layer and the output.
    """

    drafts: float = 0.0
    tokens: int = 0
    stands: float = 0.0
    passes: int = 0

    @property
    def accepted(self) -> float:
        """Of a draft, the tokens that stand: a geometric series."""
        if self.stands >= 1.0:
            return float(self.tokens)
        return self.stands * (1 - self.stands**self.tokens) / (1 - self.stands)

    @property
    def per_step(self) -> float:
        """Tokens that one step gives on average."""
        return 1.0 + self.drafts * self.accepted


NONE = Draft()


def draft(settings: Mapping[str, Setting], acceptance: Acceptance, turn: str) -> Draft:
    """What llama-server's ``--spec-*`` flags do for the turn named `turn`; the best of a list."""
    kinds = str(settings.get("spec-type", "none")).split(",")
    copies = copies_of(turn)
    found = [_of_kind(kind, settings, acceptance, copies) for kind in kinds]
    return max(found, key=lambda one: one.per_step)


def prompt_lookup(
    longest: int, shortest: int, tokens: int, acceptance: Acceptance, turn: str
) -> Draft:
    """vLLM's n-gram drafts: the longest match from `shortest` to `longest` tokens."""
    found, errs = _match(shortest, acceptance, copies_of(turn))
    errs = min(errs, _match(max(shortest, longest), acceptance, 1.0)[1] * 1.15)
    return Draft(found, tokens, 1.0 - errs)


def heads(tokens: int, acceptance: Acceptance, copies: float = 1.0) -> Draft:
    """A drafting head (MTP), run once for each token; a tenth better or worse by the text."""
    return Draft(1.0, tokens, min(0.97, acceptance.head * (0.8 + 0.2 * copies)), tokens)


def _of_kind(
    kind: str, settings: Mapping[str, Setting], acceptance: Acceptance, copies: float
) -> Draft:
    if kind.startswith("draft-"):
        return _unless_unsure(heads(whole(settings, "spec-draft-n-max", 3), acceptance, copies),
                              settings)  # fmt: skip
    if kind in {"ngram-simple", "ngram-map-k", "ngram-map-k4v"}:
        match = whole(settings, f"spec-{kind}-size-n", 12)
        found, errs = _match(match, acceptance, copies)
        # A map remembers more places, and takes the one that was right before.
        better = 0.9 if kind != "ngram-simple" else 1.0
        return Draft(found, whole(settings, f"spec-{kind}-size-m", 48), 1.0 - errs * better)
    if kind == "ngram-mod":
        found, errs = _match(whole(settings, "spec-ngram-mod-n-match", 24), acceptance, copies)
        return Draft(found, whole(settings, "spec-ngram-mod-n-max", 64), 1.0 - errs)
    if kind == "ngram-cache":
        found, errs = _match(_LEAST_MATCH, acceptance, copies)
        return Draft(found, 8, 1.0 - errs)
    return NONE


def _unless_unsure(full: Draft, settings: Mapping[str, Setting]) -> Draft:
    """A head that is not sure of a token ends its draft there (``--spec-draft-p-min``).

    Fewer tokens are drafted, and more of them stand: half of those that would have been wrong are
    known beforehand where it has to be as sure as can be.
    """
    least = settings.get("spec-draft-p-min", 0.0)
    sure = min(1.0, max(0.0, float(least)))
    goes_on = 1.0 - 0.5 * sure * (1.0 - full.stands)
    tokens = sum(goes_on**i for i in range(full.tokens))
    stands = full.stands + 0.5 * sure * (1.0 - full.stands)
    return replace(full, tokens=round(tokens), stands=stands, passes=round(tokens))


def _match(tokens: int, acceptance: Acceptance, copies: float) -> tuple[float, float]:
    """How often a match of `tokens` is found, and how often the next token is another."""
    more = max(0, tokens - _LEAST_MATCH)
    found = min(0.95, acceptance.found * copies * _FOUND_FADES**more)
    return found, max(_WRONG_LEAST, (1.0 - acceptance.copied) * _WRONG_FADES**more)


def copies_of(turn: str) -> float:
    """From half to one and a half times the usual share of copied text."""
    return 0.5 + _unit(turn)


def _unit(name: str) -> float:
    """A number from 0 to 1 that is always the same for `name`."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48
