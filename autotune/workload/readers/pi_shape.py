"""Messages of pi sessions in OpenAI chat shape, after `messages.ts` of badlogic/pi-mono."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotune.workload.model import Recorded
from autotune.workload.readers.checks import count, mapping, objects, text
from autotune.workload.readers.responses_shape import compact

FAILED = ("error", "aborted")
"""Why a reply stopped that is not part of the next prompt."""


def chat_message(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """A message that is no reply; ``None`` when the model is not told of it."""
    role = message.get("role")
    if role == "toolResult":
        call_id = text(message.get("toolCallId")) or ""
        content = chat_content(message.get("content"))
        return {"role": "tool", "tool_call_id": call_id, "content": content}
    if role == "bashExecution":
        return _bash(message)
    if role in ("branchSummary", "compactionSummary"):
        return summary_message(message.get("summary"))
    if role in ("user", "custom", "hookMessage"):
        return {"role": "user", "content": chat_content(message.get("content"))}
    return None


def summary_message(summary: Any) -> dict[str, Any] | None:
    """A summary as the user's words, which is what it is to the model."""
    return {"role": "user", "content": summary} if isinstance(summary, str) and summary else None


def _bash(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """A command that the user ran beside the model; one with two marks is kept from it."""
    command, output = text(message.get("command")), text(message.get("output"))
    if command is None or message.get("excludeFromContext") is True:
        return None
    return {"role": "user", "content": f"$ {command}\n{output or ''}"}


def chat_content(value: Any) -> Any:
    """Text as one string; with images among it, as parts."""
    if isinstance(value, str):
        return value
    parts = [part for part in map(_part, objects(value)) if part is not None]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _part(part: Mapping[str, Any]) -> dict[str, Any] | None:
    words = part.get("text")
    if isinstance(words, str):
        return {"type": "text", "text": words}
    data, kind = text(part.get("data")), text(part.get("mimeType"))
    if part.get("type") != "image" or data is None:
        return None
    return {"type": "image_url", "image_url": {"url": f"data:{kind or 'image/png'};base64,{data}"}}


def chat_reply(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """A reply as the next prompt carries it; ``None`` for one that failed or says nothing."""
    if message.get("stopReason") in FAILED:
        return None
    blocks = objects(message.get("content"))
    thoughts = [t for b in blocks if b.get("type") == "thinking" and (t := text(b.get("thinking")))]
    texts = [t for b in blocks if b.get("type") == "text" and (t := text(b.get("text")))]
    calls = [_call(block) for block in blocks if block.get("type") == "toolCall"]
    if not (thoughts or texts or calls):
        return None
    made: dict[str, Any] = {"role": "assistant"}
    if thoughts:
        made["reasoning_content"] = "\n".join(thoughts)
    if texts or not calls:
        made["content"] = "\n".join(texts)
    if calls:
        made["tool_calls"] = calls
    return made


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    arguments = block.get("arguments")
    written = (
        arguments if isinstance(arguments, str) else compact({} if arguments is None else arguments)
    )
    function = {"name": text(block.get("name")) or "", "arguments": written}
    return {"id": text(block.get("id")) or "", "type": "function", "function": function}


def hides_thinking(message: Mapping[str, Any]) -> bool:
    """Whether the reply holds thinking as a signature or in encrypted form, without its words."""
    blocks = objects(message.get("content"))
    return any(
        block.get("type") == "thinking"
        and not text(block.get("thinking"))
        and bool(block.get("thinkingSignature") or block.get("redacted"))
        for block in blocks
    )


def recorded_usage(usage: Any) -> Recorded:
    """Token counts; what was read from and written to the cache is not among the input.

    A request that failed has counts of zero: it has none.
    """
    counts = mapping(usage)
    parts = [count(counts.get(key)) for key in ("input", "cacheRead", "cacheWrite")]
    prompt = sum(part or 0 for part in parts)
    if not prompt:
        return Recorded()
    return Recorded(
        prompt_tokens=prompt,
        cached_tokens=parts[1],
        completion_tokens=count(counts.get("output")),
    )
