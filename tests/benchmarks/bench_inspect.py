"""How fast captures are inspected, and in how much memory.

    python tests/benchmarks/bench_inspect.py --megabytes 1024

Writes made-up Codex rollouts (messages, calls, results, the interface's second copy, token counts;
some 2 MB each) into a temporary folder, then times ``autotune captures inspect`` over them.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autotune.workload.filler import filler

TURNS = 120
RESULT_WORDS = (200, 2500)


def envelope(kind: str, payload: dict[str, Any], second: int) -> bytes:
    """One line of a rollout."""
    stamp = f"2026-11-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000Z"
    return json.dumps({"timestamp": stamp, "type": kind, "payload": payload}).encode() + b"\n"


def rollout(seed: int) -> Iterator[bytes]:
    """One session of `TURNS` requests, each a call and its result."""
    rng = random.Random(seed)
    session = str(uuid.UUID(int=rng.getrandbits(128)))
    base = {"text": filler("instructions", 4000)}
    yield envelope(
        "session_meta", {"id": session, "cwd": "/srv/project", "base_instructions": base}, 0
    )
    yield envelope("turn_context", {"model": "made-up"}, 0)
    task = filler(f"{seed} task", 60)
    part = {"type": "input_text", "text": task}
    yield envelope("response_item", {"type": "message", "role": "user", "content": [part]}, 1)
    yield envelope("event_msg", {"type": "user_message", "message": task}, 1)
    prompt = total = 9000
    for turn in range(TURNS):
        words = rng.randint(*RESULT_WORDS)
        yield from request(seed, turn, words, prompt, total)
        prompt += words + 120
        total += prompt


def request(seed: int, turn: int, words: int, prompt: int, total: int) -> Iterator[bytes]:
    """The items that one request leaves."""
    at, call = 10 * turn + 2, f"call_{seed}_{turn}"
    thinking = {"type": "reasoning", "summary": [], "encrypted_content": "A" * 2000}
    yield envelope("response_item", thinking, at)
    arguments = json.dumps({"cmd": ["sed", "-n", f"{turn},{turn + 90}p", "file.py"]})
    made = {"type": "function_call", "name": "shell", "arguments": arguments, "call_id": call}
    yield envelope("response_item", made, at + 1)
    usage = {
        "input_tokens": prompt, "cached_input_tokens": prompt - 500, "output_tokens": 120,
        "reasoning_output_tokens": 60, "total_tokens": prompt + 120,
    }  # fmt: skip
    info = {"last_token_usage": usage, "total_token_usage": {"total_tokens": total + prompt}}
    yield envelope("event_msg", {"type": "token_count", "info": info}, at + 2)
    output = filler(f"{seed} {turn}", words)
    result = {"type": "function_call_output", "call_id": call, "output": output}
    yield envelope("response_item", result, at + 3)
    yield envelope("event_msg", {"type": "exec_command_end", "aggregated_output": output}, at + 3)


def write_rollouts(folder: Path, megabytes: int) -> int:
    """Rollouts until there are so many megabytes; how many bytes there are."""
    size = number = 0
    while size < megabytes * 1_000_000:
        data = b"".join(rollout(number))
        (folder / f"rollout-2026-11-01T00-00-{number:05d}.jsonl").write_bytes(data)
        size, number = size + len(data), number + 1
    return size


def measure(folder: Path) -> tuple[float, float, dict[str, Any]]:
    """(seconds, peak MiB of the largest process, the report) of one inspection."""
    script = (
        "import resource, sys\n"
        "from autotune.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "peaks = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)\n"
        "print(max(resource.getrusage(who).ru_maxrss for who in peaks), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    command = [sys.executable, "-c", script, "captures", "inspect", str(folder), "--json"]
    started = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return (
        time.monotonic() - started,
        int(done.stderr.split()[-1]) / 1024,
        json.loads(done.stdout),
    )


def main() -> None:
    """Write, inspect, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        size = write_rollouts(Path(folder), given.megabytes)
        seconds, peak_mib, report = measure(Path(folder))
        print(f"{'megabytes':24} {size / 1e6:.0f}")
        print(f"{'sessions':24} {len(report['sessions'])}")
        print(f"{'turns':24} {report['turns']}")
        print(f"{'seconds':24} {seconds:.1f}")
        print(f"{'megabytes_a_second':24} {size / 1e6 / seconds:.0f}")
        print(f"{'peak_memory_mib':24} {peak_mib:.0f}")


if __name__ == "__main__":
    main()
