"""Traces on the reference engine's own template and tokenizer: lengths and common prefixes."""

from __future__ import annotations

import json
import urllib.request
from array import array
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate, Setting
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.workload.load import load_workload
from autotune.workload.model import Message, Session
from autotune.workload.traces.tree import common_ids

MakeContext = Callable[..., LaunchContext]
StopLater = Callable[[Server], Server]
SMALL: dict[str, Setting] = {"ctx-size": 512, "parallel": 1, "threads": 1, "warmup": False}
TOLERANCE = 0.02


@pytest.fixture
def tokens_of(
    reference_launcher: Launcher,
    smollm2: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> Callable[[Sequence[Message]], list[int]]:
    """The tokens of a prompt, as the engine sees them."""
    candidate = Candidate(SMALL)
    server = stop_later(launch(reference_launcher, candidate, launch_context(smollm2)))

    def ask(path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            server.base_url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def tokens(messages: Sequence[Message]) -> list[int]:
        prompt = ask("/apply-template", messages=list(messages))["prompt"]
        asked = {"content": prompt, "add_special": True, "parse_special": True}
        return list(ask("/tokenize", **asked)["tokens"])

    return tokens


def ids_by_line(path: Path) -> dict[int, list[int]]:
    """Whole blocks by the line of the turn, as the capture has them."""
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        size = 16 if "chat_id" in rows[0] else 512
        return {n: r["hash_ids"][: r["input_length"] // size] for n, r in enumerate(rows, start=1)}
    requests = []
    for request in json.loads(path.read_text())["requests"]:
        requests += request.get("requests", [request])
    return {n: request["hash_ids"] for n, request in enumerate(requests, start=1)}


@pytest.mark.parametrize(
    ("name", "size"),
    [("mooncake-small.jsonl", 512), ("bailian-small.jsonl", 16), ("weka-small.json", 64)],
)
def test_lengths_and_prefixes_are_those_of_the_trace(
    fixtures: Path,
    tokens_of: Callable[[Sequence[Message]], list[int]],
    name: str,
    size: int,
) -> None:
    turns = load_workload(fixtures / name).turns
    prompts = [tokens_of(turn.messages) for turn in turns]
    for turn, prompt in zip(turns, prompts, strict=True):
        recorded = turn.recorded.prompt_tokens or 0
        assert abs(len(prompt) - recorded) <= TOLERANCE * recorded
    ids = ids_by_line(fixtures / name)
    blocks = [ids[turn.origin["line"]] for turn in turns]
    for one, other in combinations(range(len(turns)), 2):
        shared = common_ids(blocks[one], blocks[other])
        assert common_ids(prompts[one], prompts[other]) // size == shared


def test_a_real_conversation_to_its_depth(
    real_captures: Callable[[str], Path],
    tokens_of: Callable[[Sequence[Message]], list[int]],
) -> None:
    path = real_captures("weka-kv-cache-tester") / "trace_0218.json"
    (session,) = load_workload(path).sessions
    chosen = [session.turns[n] for n in (0, 1, 2, 31, 32)]
    prompts = [array("q", tokens_of(turn.messages)) for turn in chosen]
    ids = ids_by_line(path)
    for turn, prompt in zip(chosen, prompts, strict=True):
        assert len(prompt) == pytest.approx(turn.recorded.prompt_tokens, rel=TOLERANCE)
    for (one, before), (two, after) in pairwise(zip(chosen, prompts, strict=True)):
        shared = common_ids(ids[one.origin["line"]], ids[two.origin["line"]])
        assert common_ids(before, after) // 64 == shared


def test_the_prompts_of_a_real_trace(
    real_captures: Callable[[str], Path],
    tokens_of: Callable[[Sequence[Message]], list[int]],
) -> None:
    path = next(real_captures("mooncake").glob("*.jsonl"))
    sessions: list[Session] = [s for s in load_workload(path).sessions if len(s.turns) > 1][:6]
    ids = ids_by_line(path)
    for session in sessions:
        prompts = [tokens_of(turn.messages) for turn in session.turns]
        for turn, prompt in zip(session.turns, prompts, strict=True):
            assert len(prompt) == pytest.approx(turn.recorded.prompt_tokens, rel=TOLERANCE)
        blocks = [ids[turn.origin["line"]] for turn in session.turns]
        assert common_ids(prompts[0], prompts[1]) // 512 == common_ids(blocks[0], blocks[1])
