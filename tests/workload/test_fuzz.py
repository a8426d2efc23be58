"""Broken captures: whatever stands in a file, it is read, counted as damage, or refused by name."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.workload.inspect import inspect_captures
from autotune.workload.load import load_workload
from autotune.workload.writer import write_capture

FIXTURES = sorted(p for p in (Path(__file__).parent / "fixtures").rglob("*") if p.is_file())
ROUNDS = 12
ODD: tuple[Any, ...] = (None, True, -1, 2**70, 0.5, "", "x" * 50, [], {}, [None], {"": {}}, [[[]]])


def survives(folder: Path) -> None:
    """Reading, inspecting and writing on either work or end in one clear error."""
    try:
        workload = load_workload(folder)
        inspect_captures(folder)
    except UserError:
        return
    write_capture(list(workload.sessions), folder.parent / "out.jsonl", force=True)


def truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def shuffled_lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines + lines[: rng.randint(0, 2)])


def odd_values(data: bytes, rng: random.Random) -> bytes:
    """The same JSON with some values of other types; what is no JSON stays."""
    try:
        return json.dumps(_odd(json.loads(data), rng)).encode()
    except ValueError:
        lines = []
        for line in data.splitlines():
            try:
                lines.append(json.dumps(_odd(json.loads(line), rng)).encode())
            except ValueError:
                lines.append(line)
        return b"\n".join(lines) + b"\n"


def _odd(value: Any, rng: random.Random) -> Any:
    if rng.random() < 0.06:
        return rng.choice(ODD)
    if isinstance(value, dict):
        return {k: _odd(v, rng) for k, v in value.items() if rng.random() > 0.02}
    if isinstance(value, list):
        return [_odd(v, rng) for v in value]
    return value


WAYS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    f.__name__: f for f in (truncated, flipped, shuffled_lines, odd_values)
}


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.name)
@pytest.mark.timeout(60)
def test_no_traceback_and_no_hang(fixture: Path, way: str, tmp_path: Path) -> None:
    data = fixture.read_bytes()
    for seed in range(ROUNDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        broken = WAYS[way](data, random.Random(f"{fixture.name} {seed}"))
        (folder / fixture.name).write_bytes(broken)
        survives(folder)


@pytest.mark.parametrize("seed", range(40))
def test_random_json_is_no_capture_or_an_empty_one(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    (tmp_path / "in").mkdir()
    for suffix in ("jsonl", "json"):
        text = "\n".join(json.dumps(_random(rng, 4)) for _ in range(1 if suffix == "json" else 9))
        (tmp_path / "in" / f"x.{suffix}").write_text(text)
    survives(tmp_path / "in")


_KEYS = (
    "type role content messages message session_id sessionId id uuid parentUuid timestamp payload "
    "data seq ts body path request response history trajectory steps schema_version schema model "
    "usage tools hash_ids input_length output_length items input output log entries turn_id"
)
KEYS = _KEYS.split()


def _random(rng: random.Random, depth: int) -> Any:
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(ODD)
    if rng.random() < 0.6:
        return {rng.choice(KEYS): _random(rng, depth - 1) for _ in range(rng.randint(1, 6))}
    return [_random(rng, depth - 1) for _ in range(rng.randint(0, 4))]
