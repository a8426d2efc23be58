"""Checks of the prefix cache: reported, plausible, warm when it is on, cold when it is off.

A check's docstring is shown to people: what it asks, and after a blank line why a measurement
needs it.
"""

from __future__ import annotations

from autotune.launchers.bench import Bench, Doubtful, Undecided, need
from autotune.launchers.chat import Reply
from autotune.launchers.protocol import CacheArm, Server

_WHERE = "name the field that holds it: [tokens] cached"


def reports_cached_tokens(bench: Bench) -> None:
    """The stream says how much of a prompt was reused.

    Without it times are still true, but the cached share is unknown, prefill speed cannot be
    worked out, and nobody can tell whether the cache was on.
    """
    reply = bench.ask(bench.running())
    if reply.cached_tokens is None and reply.prompt_tokens is None:
        raise Undecided("the stream reports no usage at all")
    if reply.cached_tokens is None:
        raise Doubtful(
            "the stream does not report cached tokens, so the cached share stays empty and the "
            "cache cannot be checked",
            f"switch its reporting on (vLLM: --enable-prompt-tokens-details), or {_WHERE}",
        )


def cached_within_prompt(bench: Bench) -> None:
    """No more tokens are reused than the prompt has, and none of them is negative.

    A number that cannot be is the wrong number: a total of the server, or of another request.
    """
    server, messages = bench.running(), bench.prompt(long=True)
    for reply in (bench.ask(server, messages=messages) for _ in range(2)):
        cached = _reported(reply)
        if reply.prompt_tokens is None:
            raise Undecided("the stream reports no prompt_tokens to compare with")
        need(
            0 <= cached <= reply.prompt_tokens,
            f"{cached} cached tokens are reported for a prompt of {reply.prompt_tokens}",
            _WHERE,
        )


def reuses_prefix(bench: Bench) -> None:
    """With the cache on, an identical second prompt reports cached tokens, or one that goes on.

    An agent sends its whole history with every turn: without reuse every turn is a cold one.
    """
    cached = _most_cached(bench, bench.running())
    need(
        cached > 0,
        f"the second identical prompt reports {cached} cached tokens: the prefix cache is off, "
        "or what is reported is not the reuse",
        f"switch prefix caching on in [command] always or [request] cache_on, or {_WHERE}",
    )


def cold_is_cold(bench: Bench) -> None:
    """With the cache off, an identical second prompt reports none, nor does one that goes on.

    The cold arm is what the cache is compared with.
    """
    cached = _most_cached(bench, bench.running(CacheArm.OFF))
    need(
        cached == 0,
        f"the cache is off and {cached} cached tokens are reported",
        "switch it off in [command] cache_off and [request] cache_off",
    )


def _most_cached(bench: Bench, server: Server) -> int:
    """Of a prompt that was sent before, and of one that goes on from its reply.

    Some engines have only the conversation that they ended with, reply and all.
    """
    messages = bench.prompt(long=True)
    bench.ask(server, messages=messages)
    again = bench.ask(server, messages=messages)
    more = (
        {"role": "assistant", "content": again.text},
        {"role": "user", "content": "Go on with the next module."},
    )
    further = bench.ask(server, messages=(*messages, *more))
    return max(_reported(again), _reported(further))


def _reported(reply: Reply) -> int:
    if reply.cached_tokens is None:
        raise Undecided("the stream does not report cached tokens")
    return reply.cached_tokens
