"""Which rendering an engine's chat template takes, asked of the engine before a study begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autotune.errors import AutotuneError, MachineError, UserError
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import ReplayPlan
from autotune.replay.prompts import Prompt, longest_prompts
from autotune.replay.rendering import render
from autotune.workload.model import Message

CountTokens = Callable[
    [tuple[Mapping[str, Any], ...], tuple[Mapping[str, Any], ...]],
    int | None,
]
"""Messages and tools in, prompt tokens after the chat template out, ``None`` if it cannot count.

Raises an `AutotuneError` when the template refuses the messages.
"""

_FALLBACKS = (Rendering.PLAIN, Rendering.ALTERNATING)


def probe_rendering(count: CountTokens, plan: ReplayPlan) -> tuple[Rendering, tuple[str, ...]]:
    """The first rendering that the template takes whole, and what a person should know of it.

    A template may refuse a sequence, or take it and leave parts out: tool definitions, tool calls
    and tool results are each checked to add tokens. Raises `UserError` when nothing is taken.
    """
    prompts = longest_prompts(plan)
    reason = _native_fault(count, prompts)
    if reason is None:
        return Rendering.NATIVE, _uncounted(count, prompts)
    refusal = reason
    for rendering in _FALLBACKS:
        found = _refusal(count, prompts, rendering)
        if found is None:
            return rendering, (_rewritten(prompts, rendering, reason),)
        refusal = found
    raise UserError(
        f"the model's chat template takes the captured prompts in no rendering: {refusal}",
        "give the engine another chat template (llama-server: --chat-template-file)",
    )


def _native_fault(count: CountTokens, prompts: Sequence[Prompt]) -> str | None:
    refusal = _refusal(count, prompts, Rendering.NATIVE)
    if refusal is not None:
        return f"the chat template refuses the captured messages ({refusal})"
    if dropped := [name for name, strip in _PARTS.items() if _drops(count, prompts, strip)]:
        return f"the chat template leaves out {' and '.join(dropped)}"
    return None


def _refusal(count: CountTokens, prompts: Sequence[Prompt], rendering: Rendering) -> str | None:
    """Why the template does not take every prompt, in the engine's words."""
    for prompt in prompts:
        try:
            _count(count, prompt, rendering)
        except (UserError, MachineError):
            raise
        except AutotuneError as error:
            return f"session {prompt.session_id}, turn {prompt.turn}: {error.message}"
    return None


def _count(count: CountTokens, prompt: Prompt, rendering: Rendering) -> int | None:
    rendered = render(prompt.messages, prompt.tools, rendering)
    return count(rendered.messages, rendered.tools)


def _drops(
    count: CountTokens, prompts: Sequence[Prompt], strip: Callable[[Prompt], Prompt]
) -> bool:
    """Whether the first prompt with such a part is as long without it."""
    for prompt in prompts:
        stripped = strip(prompt)
        if stripped != prompt:
            whole = _count(count, prompt, Rendering.NATIVE)
            return whole is not None and whole == _count_or_none(count, stripped)
    return False


def _count_or_none(count: CountTokens, prompt: Prompt) -> int | None:
    """A refusal of the shortened prompt says nothing about the part that was taken out."""
    try:
        return _count(count, prompt, Rendering.NATIVE)
    except (UserError, MachineError):
        raise
    except AutotuneError:
        return None


def _without_tools(prompt: Prompt) -> Prompt:
    return Prompt(prompt.session_id, prompt.turn, prompt.messages, ())


def _without_calls(prompt: Prompt) -> Prompt:
    def strip(message: Message) -> Message:
        if not message.get("tool_calls"):
            return message
        rest = {key: value for key, value in message.items() if key != "tool_calls"}
        return {**rest, "content": rest.get("content") or ""}

    return _mapped(prompt, strip)


def _without_results(prompt: Prompt) -> Prompt:
    def strip(message: Message) -> Message:
        return {**message, "content": ""} if message.get("role") == "tool" else message

    return _mapped(prompt, strip)


def _mapped(prompt: Prompt, strip: Callable[[Message], Message]) -> Prompt:
    messages = tuple(map(strip, prompt.messages))
    return Prompt(prompt.session_id, prompt.turn, messages, prompt.tools)


_PARTS: Mapping[str, Callable[[Prompt], Prompt]] = {
    "tool definitions": _without_tools,
    "tool calls": _without_calls,
    "tool results": _without_results,
}


def _uncounted(count: CountTokens, prompts: Sequence[Prompt]) -> tuple[str, ...]:
    if prompts and _count(count, prompts[0], Rendering.NATIVE) is None:
        return ("the engine cannot count tokens, so its chat template was not checked",)
    return ()


def rewrites(prompts: Sequence[Prompt], rendering: Rendering) -> Mapping[str, int]:
    """How much of each kind `rendering` rewrites in `prompts`, most frequent first."""
    total: Counter[str] = Counter()
    for prompt in prompts:
        total.update(render(prompt.messages, prompt.tools, rendering).rewrites)
    return dict(total.most_common())


def _rewritten(prompts: Sequence[Prompt], rendering: Rendering, reason: str) -> str:
    counts = rewrites(prompts, rendering)
    listed = ", ".join(f"{number} x {kind}" for kind, number in counts.items())
    return f"{reason}: prompts are rendered {rendering.value} ({listed})"
