"""The OpenAI Chat Completions API: prompts, tools, parameters, replies, token counts.

Messages stay as they were sent: they are chat messages already, arguments and key order included.
Everything that says so raises `ValueError`, with a reason that quotes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.checks import count, mapping, text

SAMPLING = (
    *("temperature", "top_p", "top_k", "min_p", "typical_p", "max_tokens"),
    *("max_completion_tokens", "stop", "seed", "n", "frequency_penalty", "presence_penalty"),
    *("repetition_penalty", "repeat_penalty", "logit_bias", "logprobs", "top_logprobs"),
    *("response_format", "tool_choice", "parallel_tool_calls", "reasoning_effort", "reasoning"),
    *("thinking", "enable_thinking", "verbosity", "chat_template_kwargs", "ignore_eos"),
)
"""Request fields that shape the reply. The others name the caller, or say how to deliver it."""

_REPLY_KEYS = ("content", "reasoning_content", "reasoning", "tool_calls", "function_call")


def chat_messages(body: Mapping[str, Any]) -> list[Message]:
    """The messages of a request body as they are. Raises `ValueError` when one is no message."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise ValueError("messages: not a list")
    for message in messages:
        check_message(message)
    return messages


def check_message(message: Any) -> None:
    """Raises `ValueError` when `message` is none that a server would take."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise ValueError("messages: every message needs a role")
    content = message.get("content")
    if not (content is None or isinstance(content, str) or _are_parts(content)):
        raise ValueError("messages: content is neither text nor parts")
    calls = message.get("tool_calls")
    if not (calls is None or _are_calls(calls)):
        raise ValueError("messages: tool_calls is not a list of calls")


def _are_parts(content: Any) -> bool:
    return isinstance(content, list) and all(isinstance(part, (str, dict)) for part in content)


def _are_calls(calls: Any) -> bool:
    return isinstance(calls, list) and all(
        isinstance(call, dict) and isinstance(call.get("function", {}), dict) for call in calls
    )


def chat_tools(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tools of a request body; the older ``functions`` as tools. Raises `ValueError`."""
    for name in ("tools", "functions"):
        tools = body.get(name)
        if tools is None:
            continue
        if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
            raise ValueError(f"{name}: not a list of objects")
        functions = name == "functions"
        return [{"type": "function", "function": t} if functions else t for t in tools]
    return []


def chat_params(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request fields that shape the reply, where they are set."""
    return {name: body[name] for name in SAMPLING if body.get(name) is not None}


def prompt_messages(body: Mapping[str, Any]) -> list[Message]:
    """The flat prompt of a text completion as one user message.

    Raises `ValueError` when it is token ids, or several prompts at once.
    """
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str) or not prompt:
        raise ValueError("prompt: not one text")
    return [{"role": "user", "content": prompt}]


def chat_reply(response: Any) -> dict[str, Any] | None:
    """The first choice of a response as the message that the next prompt carries.

    Parts that are empty are left out; ``None`` where the response holds no reply. Never raises.
    """
    choices = mapping(response).get("choices")
    first = mapping(choices[0]) if isinstance(choices, list) and choices else {}
    message = first.get("message")
    if message is None and isinstance(first.get("text"), str):
        message = {"content": first["text"]}
    return reply_message(message) if isinstance(message, Mapping) else None


def reply_message(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """`message` with the parts that a prompt carries; ``None`` when it says nothing."""
    said = {key: message[key] for key in _REPLY_KEYS if message.get(key)}
    if not said and not isinstance(message.get("content"), str):
        return None
    reply = {"role": "assistant", **(said or {"content": ""})}
    try:
        check_message(reply)
    except ValueError:
        return None
    return reply


def recorded_usage(response: Any) -> Recorded:
    """Token counts of a response: ``usage``, else llama.cpp's ``timings``. Never raises.

    ``prompt_tokens`` holds the cached ones (OpenAI's reference). DeepSeek counts them as
    ``prompt_cache_hit_tokens``; llama.cpp's prompt is ``cache_n + prompt_n``.
    """
    reply = mapping(response)
    recorded = usage_counts(reply.get("usage"))
    timings = mapping(reply.get("timings"))
    cached, fresh = count(timings.get("cache_n")), count(timings.get("prompt_n"))
    if recorded.prompt_tokens is None and fresh is not None:
        recorded = replace(recorded, prompt_tokens=fresh + (cached or 0))
    if recorded.cached_tokens is None:
        recorded = replace(recorded, cached_tokens=cached)
    if recorded.completion_tokens is None:
        recorded = replace(recorded, completion_tokens=count(timings.get("predicted_n")))
    return replace(recorded, model=text(reply.get("model")))


def usage_counts(usage: Any) -> Recorded:
    """``usage`` alone. Never raises."""
    counts = mapping(usage)
    prompt = mapping(counts.get("prompt_tokens_details"))
    completion = mapping(counts.get("completion_tokens_details"))
    cached = count(prompt.get("cached_tokens"))
    if cached is None:
        cached = count(counts.get("prompt_cache_hit_tokens"))
    return Recorded(
        prompt_tokens=count(counts.get("prompt_tokens")),
        cached_tokens=cached,
        completion_tokens=count(counts.get("completion_tokens")),
        reasoning_tokens=count(completion.get("reasoning_tokens")),
    )
