"""The test of the usual chart, on the very server whose agent's turns were just measured.

Charts of tokens per second come from a short prompt and a long reply (``llama-bench -n 128``, a
chat benchmark), and from a prompt of 512 tokens that is read once (``llama-bench -p 512``). Both
are asked here after a replay, so that the same config has both answers: what the chart says of it,
and what an agent gets from it.

The reply is prose, sampled with a seed rather than greedy where the engine can be told: a greedy
reply of a small model soon repeats itself, and repeated text is what drafts are guessed from, so
that speculation would look better than it does on any chart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from autotune.records import TurnRecord
from autotune.replay.body import encode_body
from autotune.replay.client import Client
from autotune.replay.endpoint import Endpoint
from autotune.replay.outcome import Outcome
from autotune.trial.afterwards import Aftermath
from autotune.trial.chart_texts import LONG_PROMPT, SHORT_PROMPT

NAME = "usual_chart"
"""The key of the answer in a trial's extras."""

REPLY_TOKENS = 128
LEAST_REPLY_TOKENS = 32
PREFILL_REPLY_TOKENS = 4
"""The first token of a reply may have no text."""

PREFILL_TOKENS = 512
"""About what the long prompt is."""

SHARE = 0.1
"""Of all reply tokens of the plan, the chart's may be so many, and of all prompt tokens that must
be read once its own: it must stay cheap beside them. The plan is the same for every candidate, so
what is asked is too."""

ENOUGH_TOKENS = 16
"""A reply that ended before has no rate worth comparing (engines whose length is not pinned)."""

TEMPERATURE = 0.8
_WINDOW = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFigures:
    """What the chart says of one candidate. Absent is ``None``.

    Attributes:
        tokens_per_s: decode rate of the reply, (n-1) / (t_last - t_first).
        ttft_s, prompt_tokens, output_tokens: of the short prompt.
        prefill_tokens, prefill_tokens_per_s: prompt tokens that were computed for the long one,
            and over its TTFT; ``None`` where the plan is too short for it (`affords_prefill`).
        repeated_share: of the reply's runs of four words, how many had occurred in it before.
        draft_acceptance: of speculation, where the engine reports it.
        seconds: what asking took in all.
        failure: why there is no `tokens_per_s`.
    """

    tokens_per_s: float | None
    ttft_s: float | None
    prompt_tokens: int | None
    output_tokens: int | None
    prefill_tokens: int | None
    prefill_tokens_per_s: float | None
    repeated_share: float | None
    draft_acceptance: float | None
    seconds: float
    failure: str | None


def every_arm(arm: str) -> bool:
    """Ask of all."""
    return True


@dataclass(frozen=True, slots=True)
class UsualChart:
    """Asks the usual chart's questions after a replay; see `ChartFigures` for the answer.

    `wanted` is asked with the arm's name: a confirmation need not repeat what its trial has said.
    What fails here is noted in the answer and fails no trial.
    """

    wanted: Callable[[str], bool] = every_arm
    name: str = NAME

    def after(self, aftermath: Aftermath) -> Mapping[str, Any] | None:
        """The figures as plain data; ``None`` for an arm that is not wanted."""
        if not self.wanted(aftermath.arm):
            return None
        records = aftermath.records
        return asdict(chart_of(aftermath.endpoint, reply_tokens(records), affords_prefill(records)))


def reply_tokens(records: Sequence[TurnRecord]) -> int:
    """How long the chart's reply is beside a replay of `records`: 128 tokens, or less if short."""
    asked = sum(record.asked_output_tokens or REPLY_TOKENS for record in records)
    return min(REPLY_TOKENS, max(LEAST_REPLY_TOKENS, round(SHARE * asked)))


def affords_prefill(records: Sequence[TurnRecord]) -> bool:
    """Whether the long prompt is little beside what a replay of `records` must read at least.

    That is the deepest prompt of each session, once.
    """
    deepest: dict[str, int] = {}
    for record in records:
        depth = record.depth_tokens or 0
        deepest[record.session_id] = max(depth, deepest.get(record.session_id, 0))
    return SHARE * sum(deepest.values()) >= PREFILL_TOKENS


def chart_of(endpoint: Endpoint, tokens: int = REPLY_TOKENS, prefill: bool = True) -> ChartFigures:
    """Ask `endpoint` for a reply of `tokens`, and before that, with `prefill`, the long prompt."""
    started = time.monotonic()
    sampled = replace(endpoint, request_fields=_sampled(endpoint.request_fields))
    with Client(sampled) as client:
        read = _ask(client, sampled, LONG_PROMPT, PREFILL_REPLY_TOKENS) if prefill else None
        reply = _ask(client, sampled, SHORT_PROMPT, tokens)
    return _figures(read, reply, time.monotonic() - started)


def _ask(client: Client, endpoint: Endpoint, prompt: str, tokens: int) -> Outcome:
    body = encode_body(endpoint, ({"role": "user", "content": prompt},), (), tokens)
    endpoint.before_each()
    return client.ask(body, tokens)


def _sampled(
    fields: Callable[[int | None], Mapping[str, Any]],
) -> Callable[[int | None], Mapping[str, Any]]:
    """`fields` with a temperature of chats, where they say one at all."""

    def changed(tokens: int | None) -> Mapping[str, Any]:
        told = fields(tokens)
        return {**told, "temperature": TEMPERATURE} if "temperature" in told else told

    return changed


def _figures(read: Outcome | None, reply: Outcome, seconds: float) -> ChartFigures:
    failure = _failure(reply)
    computed, read_s = _read(read)
    return ChartFigures(
        tokens_per_s=None if failure else reply.decode_tps,
        ttft_s=reply.ttft_s,
        prompt_tokens=reply.depth_tokens,
        output_tokens=reply.output_tokens,
        prefill_tokens=computed,
        prefill_tokens_per_s=computed / read_s if computed and read_s else None,
        repeated_share=repeated_share(reply.reply.content if reply.reply else ""),
        draft_acceptance=_acceptance(reply),
        seconds=round(seconds, 3),
        failure=failure,
    )


def _failure(reply: Outcome) -> str | None:
    if reply.failure is not None:
        return f"{reply.failure}: {reply.detail or 'no reason given'}"
    if (reply.output_tokens or 0) < ENOUGH_TOKENS:
        return f"the reply ended after {reply.output_tokens or 0} tokens"
    return None if reply.decode_tps else "the reply has no decode rate"


def _read(outcome: Outcome | None) -> tuple[int | None, float | None]:
    """Prompt tokens that were read, not reused (the template's first words are), and the TTFT."""
    if outcome is None or outcome.failure is not None or outcome.depth_tokens is None:
        return None, None
    known = outcome.computed_tokens
    computed = outcome.depth_tokens - (outcome.cached_tokens or 0) if known is None else known
    return computed, outcome.ttft_s


def _acceptance(reply: Outcome) -> float | None:
    if not reply.draft_tokens or reply.draft_accepted_tokens is None:
        return None
    return reply.draft_accepted_tokens / reply.draft_tokens


def repeated_share(text: str) -> float | None:
    """Of all runs of four words in `text`, the share that stood in it before; ``None`` if short."""
    words = text.split()
    runs = [tuple(words[at : at + _WINDOW]) for at in range(len(words) - _WINDOW + 1)]
    return 1 - len(set(runs)) / len(runs) if len(runs) >= _WINDOW else None
