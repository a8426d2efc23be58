"""The benchmark's workload: an agent that is shown parts of a file and writes them out again.

    python tests/benchmarks/make_edit_sessions.py OUT

Six sessions, one after the other, 12 turns each, about 1,200 to 2,300 tokens deep as SmolLM2 counts
them, replies of 24 tokens. A prompt grows by some 80 tokens a turn, so decode and the prefill of a
short suffix weigh about the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

from autotune.workload.synthesis.edits import edit_session
from autotune.workload.writer import write_capture

SESSIONS, TURNS, SYSTEM_LINES, TURN_LINES, REPLY_TOKENS = 6, 12, 100, 5, 24

if __name__ == "__main__":
    sessions = (
        edit_session(
            number,
            turns=TURNS,
            system_lines=SYSTEM_LINES,
            turn_lines=TURN_LINES,
            reply_tokens=REPLY_TOKENS,
        )
        for number in range(SESSIONS)
    )
    write_capture(sessions, Path(sys.argv[1]), force=True)
