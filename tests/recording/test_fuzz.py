"""Requests and replies of any shape at all: counted or written, and the recorder goes on."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_upstream import chat_chunk, chat_stream, named_events, sse

from autotune.recording.apis import Api
from autotune.recording.backlog import Backlog
from autotune.recording.files import CaptureFiles, Per
from autotune.recording.reading import Reading
from autotune.recording.recorder import Recorder
from autotune.recording.tap import Tap
from autotune.recording.threads import Threads
from autotune.workload.load import load_workload

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
BODIES: dict[Api, dict[str, Any]] = {
    Api.CHAT: {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "x"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "metadata": {"user_id": "x_session_12345678"},
    },
    Api.MESSAGES: {
        "system": [{"type": "text", "text": "be"}],
        "messages": [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]},
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    },
    Api.RESPONSES: {
        "instructions": "be",
        "input": [
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"text": "x"}]},
        ],
        "previous_response_id": "r0",
        "tools": [{"type": "function", "name": "f"}],
    },
    Api.COMPLETIONS: {"prompt": ["hi"], "max_tokens": 3},
}
REPLIES = [
    *(b"".join(chat_stream()), b"".join(sse(chat_chunk({"tool_calls": [{"index": 0, **CALL}]})))),
    b"".join(
        named_events(
            {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}},
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "x_call"}},
            {"type": "response.completed", "response": {"id": "r0", "output": [{"type": "x"}]}},
        )
    ),
    json.dumps({"id": "r0", "choices": [{"message": {"content": "x"}}], "content": []}).encode(),
]
ODD = [None, True, 0, -1, 1e999, 2**70, "", "x\ud800", [], {}, [None], {"": None}, [[]], "\x00"]


def mutated(value: Any, chance: random.Random) -> Any:
    """`value` with something odd in some of its places."""
    if chance.random() < 0.06:
        return chance.choice(ODD)
    if isinstance(value, dict):
        return {k: mutated(v, chance) for k, v in value.items() if chance.random() > 0.04}
    if isinstance(value, list):
        return [mutated(item, chance) for item in value]
    return value


def damaged(data: bytes, chance: random.Random) -> bytes:
    """`data` with a bit flipped, or cut off, or as it is."""
    kind = chance.randrange(3)
    if kind == 0:
        return data[: chance.randrange(len(data) + 1)]
    flipped = bytearray(data)
    if kind == 1 and flipped:
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def odd_tap(chance: random.Random) -> Tap:
    api = chance.choice(list(Api))
    encodings = [(b"content-encoding", name) for name in (b"gzip", b"zstd", b"made-up")]
    headers = chance.choices([[], *([encoding] for encoding in encodings)], [30, 1, 1, 1])[0]
    tap = Tap(api, [*headers, (b"session_id", b"s\xff") if chance.random() < 0.1 else (b"x", b"")])
    body = json.dumps(mutated(BODIES[api], chance)).encode()
    tap.sent(damaged(body, chance) if chance.random() < 0.3 else body)
    kind = chance.choice([b"text/event-stream", b"application/json", b""])
    tap.answered(chance.choice([200, 200, 200, 500, 204]), [*headers, (b"content-type", kind)])
    reply = damaged(chance.choice(REPLIES), chance)
    for at in range(0, len(reply), 50):
        tap.received(reply[at : at + 50])
    return tap


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_passes_ends_the_recorder(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    files = CaptureFiles(tmp_path, Per.DAY, 10**9, lambda: datetime.now(UTC))
    reading = Reading(Threads("t", files.forget), lambda: None)
    recorder = Recorder(reading, files, lambda event: None, backlog=Backlog(max_exchanges=1000))
    for _ in range(400):
        recorder.ended(odd_tap(chance), chance.choice([None, None, "cut"]))
    recorder.start()
    recorder.close()
    lost = recorder.totals.not_recorded
    assert set(lost) <= {"refused", "unreadable"}
    assert recorder.totals.turns + sum(lost.values()) == 400
    assert recorder.totals.turns > 100
    workload = load_workload(tmp_path)
    assert [d for d in workload.damage if not d.harmless] == []
    assert len(workload.turns) == recorder.totals.turns
