"""The benchmark's workload: an agent that is shown parts of a file and writes them out again.

    python tests/benchmarks/make_edit_sessions.py OUT

Six sessions, one after the other, 12 turns each, about 1,200 to 2,300 tokens deep as SmolLM2 counts
them, replies of 24 tokens. Editing agents repeat what they have read; a prompt grows by some 80
tokens a turn, so decode and the prefill of a short suffix weigh about the same.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from autotune.workload.model import Fidelity, Message, PromptFidelity, Session, Turn
from autotune.workload.writer import write_capture

NAMES = """
read write config session token cache slot engine launch result error parse
load index value path store batch limit window buffer client server header
stream chunk record field table column query cursor commit branch merge target
source handler event signal timer thread worker queue task job state phase
layer tensor weight bias scale offset length width height margin border color
font style theme label button panel layout
"""
WORDS = NAMES.split()
"""Enough of them that four tokens of a line rarely stand in another, as in real files."""

SESSIONS, TURNS, SYSTEM_LINES, TURN_LINES, REPLY_TOKENS = 6, 12, 100, 5, 24
TURN_MS, SESSION_MS = 20_000, 3_600_000


def code(rng: random.Random, lines: int) -> list[str]:
    """Assignments between made-up names."""
    return [
        f"    {rng.choice(WORDS)}_{rng.choice(WORDS)} = "
        f"{rng.choice(WORDS)}({rng.choice(WORDS)}, {rng.choice(WORDS)})"
        for _ in range(lines)
    ]


def session(number: int) -> Session:
    """One conversation over one made-up file."""
    rng = random.Random(number)
    system = "You are a coding agent.\n" + "\n".join(code(rng, SYSTEM_LINES))
    messages: list[Message] = [{"role": "system", "content": system}]
    turns = []
    for index in range(TURNS):
        lines = code(rng, TURN_LINES)
        text = "File contents:\n" + "\n".join(lines) + "\n\nWrite these lines out again."
        keep = len(messages) if index else 0
        messages.append({"role": "user", "content": text})
        reply: Message = {"role": "assistant", "content": "\n".join(lines[:2])}
        turns.append(
            Turn(
                session_id=f"edit-{number}",
                index=index,
                messages=tuple(messages),
                keep=keep,
                output_tokens=REPLY_TOKENS,
                timestamp_ms=float(number * SESSION_MS + index * TURN_MS),
                response=reply,
                fidelity=Fidelity(PromptFidelity.SYNTHETIC),
            )
        )
        messages.append(reply)
    return Session(f"edit-{number}", tuple(turns))


if __name__ == "__main__":
    write_capture([session(n) for n in range(SESSIONS)], Path(sys.argv[1]), force=True)
