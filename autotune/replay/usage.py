"""Token counts and engine timings from the end of a stream. Absent is ``None``, never zero.

Where they are found:

=============  ==========================================================================
OpenAI form    ``usage.prompt_tokens`` (all), ``.completion_tokens``,
               ``.prompt_tokens_details.cached_tokens``
llama.cpp      ``timings``: ``cache_n``, ``prompt_n`` (computed only), ``prompt_ms``,
               ``predicted_n``, ``predicted_ms``, ``draft_n``, ``draft_n_accepted``
vLLM           null details without ``--enable-prompt-tokens-details``;
               ``metrics.time_to_first_token_ms`` with ``--enable-per-request-metrics``
oMLX           ``usage.prompt_eval_duration``, ``usage.generation_duration`` in seconds
OpenAI, ds4    ``.prompt_tokens_details.cache_write_tokens``
OpenRouter     the same, and ``usage.cost`` in USD
=============  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from autotune.replay.assembly import Assembly
from autotune.replay.chunks import child

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one request, named as in `TurnRecord`.

    `hidden_tokens` are reasoning that was counted and never sent, as hosted services do.
    """

    depth_tokens: int | None
    cached_tokens: int | None
    computed_tokens: int | None
    output_tokens: int | None
    server_prefill_s: float | None
    server_decode_s: float | None
    draft_tokens: int | None
    draft_accepted_tokens: int | None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    hidden_tokens: int | None = None

    @property
    def shown_tokens(self) -> int | None:
        """Output tokens that arrived as text: what a decode rate can be taken over."""
        if self.output_tokens is None:
            return None
        return max(0, self.output_tokens - (self.hidden_tokens or 0))


TimingPaths = Mapping[str, tuple[str, float]]
"""``prefill`` and ``decode``, where they are in places of their own: dotted path, unit in s."""


def counts_of(
    whole: Assembly, cached_path: str | None, timing_paths: TimingPaths | None = None
) -> Counts:
    """Everything the engine reported. Dotted paths that are given replace the usual ones.

    Computed tokens are what the engine says, else depth less cached where it says both.
    """
    timings, usage = whole.timings, whole.usage
    details = child(usage, "completion_tokens_details")
    cached = _cached(whole, cached_path)
    computed = _integer(timings, "prompt_n")
    depth = _integer(usage, "prompt_tokens")
    if depth is None:
        depth = _sum(cached, computed)
    return Counts(
        depth_tokens=depth,
        cached_tokens=cached,
        computed_tokens=_difference(depth, cached) if computed is None else computed,
        output_tokens=_first(
            _integer(usage, "completion_tokens"), _integer(timings, "predicted_n")
        ),
        server_prefill_s=_prefill_s(whole, timing_paths or {}),
        server_decode_s=_decode_s(whole, timing_paths or {}),
        draft_tokens=_integer(timings, "draft_n"),
        draft_accepted_tokens=_integer(timings, "draft_n_accepted"),
        cache_write_tokens=_integer(child(usage, "prompt_tokens_details"), "cache_write_tokens"),
        cost_usd=_number(usage, "cost"),
        hidden_tokens=None if whole.reasoning else _integer(details, "reasoning_tokens"),
    )


def _cached(whole: Assembly, path: str | None) -> int | None:
    if path is not None:
        return _integer(*_at(whole, path))
    details = child(whole.usage, "prompt_tokens_details")
    return _first(_integer(details, "cached_tokens"), _integer(whole.timings, "cache_n"))


def _at(whole: Assembly, path: str) -> tuple[Mapping[str, Any], str]:
    """The object that a dotted path leads to, and the last key."""
    *parents, leaf = path.split(".")
    found: Mapping[str, Any] = whole.final
    for name in parents:
        found = child(found, name)
    return found, leaf


def _prefill_s(whole: Assembly, paths: TimingPaths) -> float | None:
    if "prefill" in paths:
        return _timed(whole, *paths["prefill"])
    return _first(
        _thousandth(whole.timings, "prompt_ms"),
        _number(whole.usage, "prompt_eval_duration"),
        _thousandth(whole.metrics, "time_to_first_token_ms"),
    )


def _decode_s(whole: Assembly, paths: TimingPaths) -> float | None:
    if "decode" in paths:
        return _timed(whole, *paths["decode"])
    return _first(
        _thousandth(whole.timings, "predicted_ms"), _number(whole.usage, "generation_duration")
    )


def _timed(whole: Assembly, path: str, unit_s: float) -> float | None:
    value = _number(*_at(whole, path))
    return None if value is None else value * unit_s


def _integer(source: Mapping[str, Any], key: str) -> int | None:
    value = source.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(source: Mapping[str, Any], key: str) -> float | None:
    value = source.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _thousandth(source: Mapping[str, Any], key: str) -> float | None:
    value = _number(source, key)
    return None if value is None else value / 1000


def _first(*values: Number | None) -> Number | None:
    return next((value for value in values if value is not None), None)


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _difference(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a - b
