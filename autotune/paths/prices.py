"""What tokens cost: told by the user or published by the service, never made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """USD per million tokens: new prompt tokens, cached ones, those written to a cache, replies."""

    fresh: float
    cached: float
    written: float
    output: float

    @classmethod
    def told(
        cls, price_in: float, price_out: float, cached: float | None, written: float | None
    ) -> Prices:
        """What is not told of caching costs what new prompt tokens cost."""
        return cls(
            fresh=price_in,
            cached=price_in if cached is None else cached,
            written=price_in if written is None else written,
            output=price_out,
        )

    @property
    def dearest_input(self) -> float:
        """The most that a prompt token can cost."""
        return max(self.fresh, self.cached, self.written)

    def cost_usd(
        self, depth: int, output: int, cached: int | None = None, written: int | None = None
    ) -> float:
        """What a request cost. What the service does not tell counts as new prompt tokens."""
        read, wrote = cached or 0, written or 0
        fresh = max(0, depth - read - wrote)
        parts = fresh * self.fresh + read * self.cached + wrote * self.written
        return (parts + output * self.output) / MILLION

    def most_usd(self, depth: int, output: int) -> float:
        """What a request can cost at most: nothing of its prompt is found in a cache."""
        return (depth * self.dearest_input + output * self.output) / MILLION

    def text(self) -> str:
        """The prices in words."""
        return (
            f"USD per million tokens: {self.fresh:g} in, {self.cached:g} cached, "
            f"{self.written:g} written to the cache, {self.output:g} out"
        )


def published(pricing: Mapping[str, Any]) -> Prices | None:
    """The prices of a model as OpenRouter lists them: USD per token, as decimal strings."""
    fresh, output = _per_million(pricing, "prompt"), _per_million(pricing, "completion")
    if fresh is None or output is None:
        return None
    cached = _per_million(pricing, "input_cache_read")
    return Prices.told(fresh, output, cached, _per_million(pricing, "input_cache_write"))


def _per_million(pricing: Mapping[str, Any], key: str) -> float | None:
    try:
        price = float(pricing[key])
    except (KeyError, TypeError, ValueError):
        return None
    return round(price * MILLION, 9) if price >= 0 else None  # -1 is a price that varies


def usd(amount: float) -> str:
    """An amount of money: to the cent, or two digits of what is less than ten cents."""
    return f"${amount:.2f}" if amount >= 0.1 else f"${amount:.2g}"
