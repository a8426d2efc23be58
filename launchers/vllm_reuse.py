"""How vLLM keeps prefixes, and how it is asked for the tokens of a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from autotune.candidate import Setting
from autotune.launchers.http import ask_ok, dig
from autotune.scoring.reuse_model import CacheShape, Holder

TIMEOUT_S = 120.0

FOR_THE_TEMPLATE = frozenset(
    {"add_generation_prompt", "continue_final_message", "chat_template", "chat_template_kwargs",
     "add_special_tokens", "mm_processor_kwargs"}
)  # fmt: skip
"""Fields of a request that decide what its prompt is; ``/tokenize`` knows the same ones."""

_POOL = re.compile(r"KV cache size: ([\d,]+) tokens")


def tokenize_chat(
    base_url: str,
    model_name: str,
    messages: tuple[Mapping[str, Any], ...],
    tools: tuple[Any, ...],
    fields: Mapping[str, Any],
) -> list[int] | None:
    """The token numbers of a chat prompt; ``None`` where the server does not say."""
    payload: dict[str, Any] = {k: v for k, v in fields.items() if k in FOR_THE_TEMPLATE}
    payload |= {"model": model_name, "messages": list(messages)}
    if tools:
        payload["tools"] = list(tools)
    return _asked(base_url, payload)


def tokenize(base_url: str, model_name: str, text: str) -> list[int] | None:
    """The token numbers of `text` alone."""
    payload = {"model": model_name, "prompt": text, "add_special_tokens": False}
    return _asked(base_url, payload)


def _asked(base_url: str, payload: Mapping[str, Any]) -> list[int] | None:
    answer = ask_ok(base_url, "/tokenize", payload, timeout_s=TIMEOUT_S)
    found = dig(answer.body, "tokens") if answer is not None else None
    return found if isinstance(found, list) else None


def cache_shape(settings: Mapping[str, Setting], log_text: str) -> CacheShape:
    """The prefix cache of a server that runs with `settings`."""
    pool = _POOL.search(log_text)
    block = settings.get("block-size")
    return CacheShape(
        holder=Holder.BLOCKS,
        enabled=settings.get("enable-prefix-caching") is not False,
        pool_tokens=int(pool[1].replace(",", "")) if pool is not None else None,
        block_tokens=block if isinstance(block, int) and not isinstance(block, bool) else None,
    )
