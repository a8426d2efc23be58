"""Sessions of an agent that edits: it is shown lines of a file and writes them out again.

Editing agents repeat what they have read, in patches and whole files. What they repeat is what
drafts from the prompt (n-gram speculation) are made for, and what prose does not show. Sessions
come one after the other, each on a made-up file of its own, without tools: a prompt is a system
prompt that holds the file, then for each turn the next lines and the reply to the turn before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from autotune.workload.depth import CHARS_PER_TOKEN
from autotune.workload.model import Fidelity, Message, PromptFidelity, Session, Turn

_NAMES = """
read write config session token cache slot engine launch result error parse
load index value path store batch limit window buffer client server header
stream chunk record field table column query cursor commit branch merge target
source handler event signal timer thread worker queue task job state phase
layer tensor weight bias scale offset length width height margin border color
font style theme label button panel layout
"""
WORDS = _NAMES.split()
"""Enough of them that four tokens of a line rarely stand in another, as in real files."""

LINE_CHARS = 40
"""A line of `code` with its newline, on average."""

_SYSTEM = "You are a coding agent.\n"
_BEFORE, _AFTER = "File contents:\n", "\n\nWrite these lines out again."
_REPLY_LINES = 2
_TURN_MS, _SESSION_MS = 20_000, 3_600_000


def code(rng: random.Random, lines: int) -> list[str]:
    """Assignments between made-up names."""
    return [
        f"    {rng.choice(WORDS)}_{rng.choice(WORDS)} = "
        f"{rng.choice(WORDS)}({rng.choice(WORDS)}, {rng.choice(WORDS)})"
        for _ in range(lines)
    ]


def edit_session(
    number: int, *, turns: int, system_lines: int, turn_lines: int, reply_tokens: int, seed: int = 0
) -> Session:
    """One conversation over one made-up file: `turn_lines` more of it each turn."""
    rng = random.Random(f"{seed}:{number}" if seed else number)
    system = _SYSTEM + "\n".join(code(rng, system_lines))
    messages: list[Message] = [{"role": "system", "content": system}]
    made = []
    for index in range(turns):
        lines = code(rng, turn_lines)
        keep = len(messages) if index else 0
        messages.append({"role": "user", "content": _BEFORE + "\n".join(lines) + _AFTER})
        reply: Message = {"role": "assistant", "content": "\n".join(lines[:_REPLY_LINES])}
        made.append(
            Turn(
                session_id=f"edit-{number}",
                index=index,
                messages=tuple(messages),
                keep=keep,
                output_tokens=reply_tokens,
                timestamp_ms=float(number * _SESSION_MS + index * _TURN_MS),
                response=reply,
                fidelity=Fidelity(PromptFidelity.SYNTHETIC),
            )
        )
        messages.append(reply)
    return Session(f"edit-{number}", tuple(made))


def edit_sessions(
    *, sessions: int, turns: int, start_depth: int, depth: int, reply_tokens: int, seed: int = 0
) -> Iterator[Session]:
    """`sessions` conversations from `start_depth` to `depth` tokens, estimated as elsewhere."""
    growth = (depth - start_depth) * CHARS_PER_TOKEN // max(1, turns - 1)
    words = len(_BEFORE) + len(_AFTER)
    turn_lines = max(_REPLY_LINES, round((growth - words) / LINE_CHARS) - _REPLY_LINES)
    first = start_depth * CHARS_PER_TOKEN - len(_SYSTEM) - words
    for number in range(sessions):
        yield edit_session(
            number,
            turns=turns,
            system_lines=max(1, round(first / LINE_CHARS) - turn_lines),
            turn_lines=turn_lines,
            reply_tokens=reply_tokens,
            seed=seed,
        )
