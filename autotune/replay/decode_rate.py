"""How fast a reply runs once it has begun, from when its pieces arrived."""

from __future__ import annotations

from itertools import pairwise, takewhile

from autotune.replay.assembly import Assembly

BURST_GAP_S = 0.002
"""Pieces that follow each other faster than this left the engine together.

Pieces of one burst are written back to back, a fraction of a millisecond apart; a token takes
longer than this on anything below 500 tokens per second.
"""


LEAST_TOKEN_S = 50e-6
"""No engine decodes one stream at 20,000 tokens per second: pieces nearer together had waited.

A client that gets no processor while an engine takes all of it reads a finished reply at once.
"""


def decode_rate(whole: Assembly, output_tokens: int | None) -> float | None:
    """``(n - 1) / (t_last - t_first)`` in tokens per second.

    n is what the engine reports, as a chunk may hold several tokens. ``None`` when it reports
    nothing, below two tokens, or when the whole reply arrived at once.
    """
    if output_tokens is None or output_tokens < 2 or whole.first_s is None or whole.last_s is None:
        return None
    span_s = whole.last_s - whole.first_s
    steps = output_tokens - 1
    return steps / span_s if span_s >= steps * LEAST_TOKEN_S else None


def burst_rate(whole: Assembly, output_tokens: int | None) -> float | None:
    """``(n - k) / (t_last - t_end_of_first_burst)``: the first burst's k tokens were made before.

    `decode_rate` takes the first arrival for one token and is too high by the rest of the burst;
    so is an engine that begins its own clock there. k is n times the first burst's share of the
    reply's characters, at least 1. ``None`` when everything came in one burst.
    """
    if output_tokens is None or output_tokens < 2:
        return None
    first = _first_burst(whole.arrivals)
    characters = sum(length for _, length in whole.arrivals)
    if not first or len(first) == len(whole.arrivals) or not characters:
        return None
    share = sum(length for _, length in first) / characters
    early = max(1.0, output_tokens * share)
    return (output_tokens - early) / (whole.arrivals[-1][0] - first[-1][0])


def _first_burst(arrivals: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """The first pieces, up to the first pause."""
    together = takewhile(lambda two: two[1][0] - two[0][0] < BURST_GAP_S, pairwise(arrivals))
    return [*arrivals[:1], *(later for _, later in together)]
