"""Short sessions of an agent that calls tools: JSON all over, and cheap to prefill."""

from __future__ import annotations

import json
from typing import Any

from autotune.workload.model import Message, Turn

TOOLS: tuple[dict[str, Any], ...] = tuple(
    {"type": "function", "function": {"name": name, "parameters": {"required": keys}}}
    for name, keys in (
        ("read_file", ["path"]), ("search", ["query"]), ("run_tests", ["target"]),
    )
)  # fmt: skip
"""Without descriptions: prompts are to be short."""

_STEPS = (
    ("read_file", {"path": "src/{0}/models.py"}, "class {1}:\n    total = 0\n"),
    ("search", {"query": "{1}(", "folder": "src/{0}"}, "src/{0}/views.py:12: item = {1}(3)\n"),
    ("read_file", {"path": "src/{0}/views.py"}, "def show(item):\n    return item.total\n"),
    ("run_tests", {"target": "tests/{0}"}, "1 failed: test_{0}_total expected 4, got 3\n"),
)
_SUBJECTS = (
    ("billing", "Invoice"), ("shipping", "Parcel"), ("stock", "Shelf"), ("people", "Person"),
    ("mail", "Letter"), ("rooms", "Booking"),
)  # fmt: skip


def sessions(count: int, steps: int = 8) -> list[Turn]:
    """Turns of `count` sessions; each reply says a sentence and makes one call."""
    return [turn for at in range(count) for turn in _session(at, steps)]


def _session(at: int, steps: int) -> list[Turn]:
    folder, name = _SUBJECTS[at % len(_SUBJECTS)]
    messages: list[Message] = [
        {"role": "system", "content": "You fix bugs. Answer with one tool call at a time."},
        {"role": "user", "content": f"The total of {name} in {folder} is wrong. Please fix it."},
    ]
    turns = []
    for step in range(steps):
        reply, result = _step(folder, name, step)
        turns.append(Turn(f"{folder}-{at}", step, tuple(messages), tools=TOOLS, response=reply))
        messages += [reply, result]
    return turns


def _step(folder: str, name: str, step: int) -> tuple[Message, Message]:
    tool, arguments, found = _STEPS[step % len(_STEPS)]
    filled = {k: v.format(folder, name) for k, v in arguments.items()}
    call = {"id": f"c{step}", "type": "function",
            "function": {"name": tool, "arguments": json.dumps(filled)}}  # fmt: skip
    said = f"Step {step + 1}: I will use {tool.replace('_', ' ')} for {name}."
    return (
        {"role": "assistant", "content": said, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{step}", "content": found.format(folder, name)},
    )
