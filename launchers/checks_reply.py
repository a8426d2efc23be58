"""Checks of a reply: counted, of the asked length, the same again, and given up when nobody reads.

A check's docstring is shown to people: what it asks, and after a blank line why a measurement
needs it.
"""

from __future__ import annotations

import time
from statistics import median

from autotune.launchers.bench import Bench, Broken, Doubtful, Undecided, every_time, need
from autotune.launchers.chat import Reply, drop
from autotune.launchers.habits import habits_of
from autotune.launchers.http import ask
from autotune.launchers.protocol import CacheArm, Server

_EARLY_S = 0.02
_EARLY_SHARE = 0.25
"""What comes this long before the first token, and this share of the wait, came early."""

_HELD_BACK_S = 0.05
_HELD_BACK_TIMES = 10
"""A pause after the first token this long, and so many times the usual one, was the prefill."""

_PREFILL_SLACK_S = 0.005

_NO_FILLER = "send no text before the model has made its first token"

_HANG_UP = "stop generating when the connection is closed"

LONG_REPLIES = (64, 256)
_TELLING_S = 0.25
"""A reply must take this long for its generation to be seen going on."""


def answers_chat(bench: Bench) -> None:
    """A chat completion is streamed, with a finish_reason and [DONE] at its end.

    Without them a reply that broke off is taken for one that was short and fast.
    """
    reply = bench.ask(bench.running())
    need(
        bool(reply.token_s),
        "the stream carries no token: no delta has content, reasoning or a tool call",
        "stream chat.completion.chunk objects with choices[0].delta.content",
    )
    need(
        reply.finish_reason is not None,
        "the stream has no finish_reason",
        'send finish_reason ("length" or "stop") in the last choice',
    )
    need(reply.done, "the stream does not end with [DONE]", "end the stream with: data: [DONE]")


def reports_usage(bench: Bench) -> None:
    """The stream says how many tokens went in and came out.

    Depth, decode speed and the reply's length all come from these two numbers.
    """
    reply = bench.ask(bench.running())
    absent = [
        name
        for name, value in (
            ("usage.prompt_tokens", reply.prompt_tokens),
            ("usage.completion_tokens", reply.output_tokens),
        )
        if value is None
    ]
    need(
        not absent,
        f"the stream does not report {' and '.join(absent)}",
        "send usage in the last chunk when asked with stream_options.include_usage = true",
    )


def counts_prompts(bench: Bench) -> str | None:
    """Prompts are counted as they are billed, where they can be counted beforehand.

    Turns are put at their depth by this count.
    """
    messages = bench.prompt()
    server = bench.running()
    counted = bench.launcher.count_tokens(server, messages, ())
    if counted is None:
        return "it cannot count a prompt beforehand: [tokens] count_path names no endpoint"
    reply = bench.ask(server, messages=messages)
    if reply.prompt_tokens is None:
        raise Undecided("the stream reports no prompt_tokens to compare with")
    need(
        counted == reply.prompt_tokens,
        f"count_tokens() says {counted}, the request reports {reply.prompt_tokens}",
        "count after the chat template, special tokens included: [tokens] count_path and count",
    )
    return None


def pins_length(bench: Bench) -> str | None:
    """Replies have exactly the length that was asked.

    Otherwise two candidates are timed over different amounts of work.
    """
    remedy = (
        "send what pins it under [request]: ignore_eos, min_tokens, every name in output_tokens"
    )
    pinned = habits_of(bench.launcher).pins_length
    for asked in (7, 13):
        got = bench.ask(bench.running(), asked).output_tokens
        if got is None:
            raise Undecided("the stream does not report how many tokens came out")
        early = not pinned and 0 < got < asked
        need(got == asked or early, f"asked for {asked} tokens, got {got}", remedy)
    return None if pinned else "replies may end early: time counts by the token"


def starts_with_a_token(bench: Bench) -> str | None:
    """The first text of a reply is its first token, sent when the prompt has been read.

    Time to first token is read off it; headers and empty deltas are not counted.
    """
    return every_time(lambda: _first_token(bench))


def _first_token(bench: Bench) -> str | None:
    reply = bench.ask(bench.running(), 16, bench.prompt(long=True))
    ttft_s = reply.ttft_s
    if ttft_s is None:
        raise Undecided("the stream carries no token")
    _need_after_prefill(reply, ttft_s)
    if not habits_of(bench.launcher).bursts:
        _need_no_pause(reply, ttft_s)
    if any(_is_early(at_s, ttft_s) for at_s in reply.empty_s):
        early_s = ttft_s - reply.empty_s[0]
        raise Doubtful(
            f"an empty delta comes {early_s:.2f} s before the first token: a client that counts "
            "it as the first token is told a lie (autotune does not count it)",
            "send keep-alives as SSE comments (a line that begins with a colon)",
        )
    if _is_early(reply.headers_s, ttft_s):
        return f"headers come {ttft_s - reply.headers_s:.2f} s before the first token; not counted"
    return None


def _is_early(at_s: float, ttft_s: float) -> bool:
    return ttft_s - at_s > max(_EARLY_S, _EARLY_SHARE * ttft_s)


def _need_after_prefill(reply: Reply, ttft_s: float) -> None:
    if reply.prefill_s is not None:
        need(
            ttft_s >= reply.prefill_s - _PREFILL_SLACK_S,
            f"text comes after {ttft_s:.3f} s, but the engine says that reading the prompt took "
            f"{reply.prefill_s:.3f} s: the first text is no token, and time to first token a lie",
            _NO_FILLER,
        )


def _need_no_pause(reply: Reply, ttft_s: float) -> None:
    gaps_s = [b - a for a, b in zip(reply.token_s, reply.token_s[1:], strict=False)]
    if len(gaps_s) < 4:
        return
    usual_s = median(gaps_s[1:])
    need(
        gaps_s[0] <= max(_HELD_BACK_S, _HELD_BACK_TIMES * usual_s, ttft_s),
        f"text comes after {ttft_s:.3f} s, then nothing for {gaps_s[0]:.3f} s: the first text "
        "seems to be sent before the prompt is read, and time to first token a lie",
        _NO_FILLER,
    )


def answers_alike(bench: Bench) -> None:
    """Two identical requests, both cold, get the same reply.

    Replies go into later prompts, and drafts are accepted by what they say: with sampling left
    on, two runs of one configuration are two different pieces of work.
    """
    server, messages = bench.running(CacheArm.OFF), bench.prompt(long=True)
    first, second = (bench.ask(server, 24, messages).text for _ in range(2))
    need(
        first == second,
        f"the same prompt is answered {_differing(first, second)}",
        "make it greedy under [request] always: temperature = 0, and a seed",
    )


def _differing(first: str, second: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if at is None:
        at = min(len(first), len(second))
    return f"with {first[at : at + 20]!r} and then with {second[at : at + 20]!r} (character {at})"


def honours_disconnect(bench: Bench) -> None:
    """A reply that nobody reads any more is given up.

    After a turn that was interrupted or timed out, the next one would wait for a reply that
    nobody reads, and be scored for it.
    """
    server = bench.running()
    usual_s = min(_short_s(bench, server) for _ in range(2))
    tokens, span_s = _telling_length(bench, server)
    every_time(lambda: _need_given_up(bench, server, tokens, usual_s + span_s / 2))


def _need_given_up(bench: Bench, server: Server, tokens: int, limit_s: float) -> None:
    """Hang up in the middle of a reply; the next request must not wait for the rest of it."""
    drop(bench.launcher, server, bench.prompt(), server.context.cache_arm, tokens)
    after_s = _short_s(bench, server)
    need(
        after_s < limit_s,
        f"a client hung up, and the next request took {after_s:.2f} s where less than "
        f"{limit_s:.2f} s were to be expected: it waited for a reply that nobody reads",
        _HANG_UP,
    )
    if _slots_busy(server):
        raise Broken("a slot goes on generating for a client that hung up", _HANG_UP)


def _short_s(bench: Bench, server: Server) -> float:
    began_s = time.monotonic()
    bench.ask(server, 2)
    return time.monotonic() - began_s


def _telling_length(bench: Bench, server: Server) -> tuple[int, float]:
    """A reply length and how long its generation takes, long enough to be noticed."""
    for tokens in LONG_REPLIES:
        reply = bench.ask(server, tokens)
        span_s = reply.end_s - (reply.ttft_s or 0.0)
        if span_s >= _TELLING_S:
            return tokens, span_s
    raise Undecided(f"{tokens} tokens come within {span_s:.2f} s: too fast to see one going on")


def _slots_busy(server: Server) -> bool:
    """Whether an engine that has llama-server's ``/slots`` says that one is at work."""
    answer = ask(server.base_url, "/slots")
    slots = answer.body if answer is not None and answer.status == 200 else None
    if not isinstance(slots, list):
        return False
    return any(isinstance(slot, dict) and slot.get("is_processing") is True for slot in slots)
