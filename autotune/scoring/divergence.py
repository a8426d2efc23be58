"""How far two next-token distributions are apart when an engine tells only the likeliest tokens.

Both are turned into distributions over the same few outcomes: every token that either lists, and
one more for all other tokens together. A token that one of them does not list is given the largest
share it can have there: no more than the least likely token that is listed, and no more than its
part of what the listed ones leave over. So a token that fell out of the list counts for at least
what it must have lost, and two equal lists are at distance 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

TopK = Mapping[str, float]
"""Token to natural logarithm of its probability, the likeliest tokens of one position."""

TINY = 1e-9
"""Least probability of an outcome. Logarithms that travel as decimals leave a rest of rounding."""


FARTHEST = -math.log(TINY)
"""Nats between a sure token and an impossible one; also where a candidate gives no number."""


def divergence(reference: TopK, candidate: TopK) -> float:
    """Kullback-Leibler divergence of `candidate` from `reference` in nats, never below 0.

    ``sum over outcomes of p * ln(p / q)`` over the outcomes above. Putting tokens together can
    only bring distributions closer, so against the whole vocabulary it errs low. Raises
    ``ValueError`` for an empty list.
    """
    if not reference or not candidate:
        raise ValueError("a distribution without a token")
    tokens = sorted({*reference, *candidate})
    p, q = _shares(reference, tokens), _shares(candidate, tokens)
    total = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)
    return max(0.0, total)


def _shares(listed: TopK, tokens: list[str]) -> list[float]:
    """The probability of each of `tokens`, then that of all others; they sum to 1."""
    known = {token: math.exp(value) for token, value in listed.items()}
    rest = max(0.0, 1.0 - sum(known.values()))
    missing = sum(token not in known for token in tokens)
    most = min(min(known.values()), rest / (missing + 1))
    shares = [max(TINY, known.get(token, most)) for token in tokens]
    shares.append(max(TINY, rest - missing * most))
    total = sum(shares)
    return [share / total for share in shares]


def top_token(listed: TopK) -> str:
    """The likeliest token; of equally likely ones the first by name, so that it is always one."""
    return min(listed, key=lambda token: (-listed[token], token))


def same_top(reference: TopK, candidate: TopK) -> bool:
    """Whether both would say the same token at temperature 0."""
    return top_token(reference) == top_token(candidate)
