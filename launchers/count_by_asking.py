"""A prompt's length from a request for one token, for engines that have no counting endpoint.

It costs a prefill. Prompts of a session extend one another, and both engines that need this reuse
the one before; a prompt that does not fit is refused with its length before anything is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotune.launchers.http import Answer, ask, dig
from autotune.launchers.prompt_tokens import counted

COUNT_TIMEOUT_S = 1800.0
"""A prefill of a very long prompt on a slow machine."""


def count_by_asking(
    base_url: str,
    model_name: str,
    messages: tuple[Mapping[str, Any], ...],
    tools: tuple[Any, ...],
    fields: Mapping[str, Any],
) -> int | None:
    """``usage.prompt_tokens`` of a reply of one token, else the length that an overflow names.

    `fields` are what the engine's requests carry. ``None`` where nobody answers. Raises
    `TrialError` (``BAD_REPLY``) when the messages are refused.
    """
    payload: dict[str, Any] = {"model": model_name, "messages": list(messages)}
    if tools:
        payload |= {"tools": list(tools), "tool_choice": "none"}
    payload |= {k: v for k, v in fields.items() if k != "stream_options"}
    payload |= {"max_tokens": 1, "stream": False}
    if not tools:
        payload.pop("tool_choice", None)
    answer = ask(base_url, "/v1/chat/completions", payload, timeout_s=COUNT_TIMEOUT_S)
    told = _overflow(answer)
    return told if told is not None else counted(answer, "usage.prompt_tokens")


def _overflow(answer: Answer | None) -> int | None:
    """How long a prompt is that was refused for its length."""
    if answer is None or dig(answer.body, "error.code") != "context_length_exceeded":
        return None
    told = dig(answer.body, "error.n_prompt_tokens")
    return told if isinstance(told, int) else None
