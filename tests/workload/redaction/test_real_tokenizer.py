"""With a real tokenizer: counts of every text and common prefixes of prompts, to the token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext, Launcher
from autotune.workload.load import load_workload
from autotune.workload.model import Message, Session, Turn
from autotune.workload.prefix import common_prefix
from autotune.workload.redaction.options import RedactionOptions, TextMode
from autotune.workload.redaction.run import redact_captures
from autotune.workload.redaction.tokenizer import EndpointTokenizer
from autotune.workload.synthesize import SynthesisSpec, iter_synthesized
from autotune.workload.writer import write_capture

SHARED = Path(__file__).resolve().parents[4] / "shared" / "captures"


@pytest.fixture(scope="module")
def smol(
    smollm2: Path, reference_launcher: Launcher, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EndpointTokenizer]:
    """SmolLM2's tokenizer, in the reference engine."""
    folder = tmp_path_factory.mktemp("engine")
    context = LaunchContext(smollm2, folder, folder / "engine.log", "redaction-test")
    server = launch(reference_launcher, Candidate({"ctx-size": 512, "warmup": False}), context)
    tokenizer = EndpointTokenizer(server.base_url)
    yield tokenizer
    tokenizer.close()
    reference_launcher.stop(server)


def rendered(message: Message) -> str:
    """A message as a template of SmolLM2's kind writes it."""
    text = message.get("content")
    parts = [text if isinstance(text, str) else json.dumps(text)]
    for call in message.get("tool_calls") or ():
        function = call["function"]
        parts.append(f'{{"name": "{function["name"]}", "arguments": {function["arguments"]}}}')
    return f"\n{message['role']}\n" + "\n".join(parts) + "\n"


def prompt_tokens(smol: EndpointTokenizer, turn: Turn, seen: dict[str, Sequence[int]]) -> list[int]:
    """A prompt as tokens: tools first, then every message between marks of its own."""
    tools = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in turn.tools)
    tokens = [*smol.tokens(tools), -1]
    for text in map(rendered, turn.messages):
        if text not in seen:
            seen[text] = smol.tokens(text)
        tokens += [*seen[text], -1]
    return tokens


def texts(value: Any) -> list[str]:
    """Every string in a value, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in texts(item)] if isinstance(value, list) else []


def assert_same_counts(smol: EndpointTokenizer, before: Path, after: Path, *, every: bool) -> None:
    """Every text, every prompt and every common prefix has as many tokens as it had."""
    old, new = load_workload(before).sessions, load_workload(after).sessions
    seen: dict[str, Sequence[int]] = {}
    assert [len(session.turns) for session in old] == [len(session.turns) for session in new]
    for was, now in zip(old, new, strict=True):
        prompts = [
            [prompt_tokens(smol, turn, seen) for turn in session.turns] for session in (was, now)
        ]
        assert [len(p) for p in prompts[0]] == [len(p) for p in prompts[1]]
        shared = [[common_prefix(a, b) for a, b in pairwise(side)] for side in prompts]
        assert shared[0] == shared[1]
        if every:
            pairs = [texts(list(s.turns[-1].messages)) for s in (was, now)]
            counts = [[len(smol.tokens(text)) for text in side] for side in pairs]
            assert counts[0] == counts[1]


def call(arguments: str, number: int) -> dict[str, Any]:
    function = {"name": "bash", "arguments": arguments}
    calls = [{"id": f"call_{number}", "type": "function", "function": function}]
    return {"role": "assistant", "content": "On it.", "tool_calls": calls}


@pytest.fixture
def leaky(secrets: dict[str, str], tmp_path: Path) -> Path:
    """Sessions with every secret and name in many places, and an early message that changes."""
    key = secrets["anthropic-key"]
    system = (
        "You help Thomasina (thomasina@acme-corp.io) at ACME-Corp, in /home/thomasina/work.\n"
        "Acme-Corp's host is build-7.corp (10.20.30.41). Today is {}."
    )
    said: list[dict[str, Any]] = [
        {"role": "user", "content": "~thomasina/x and -home-thomasina-work; Thomasina's acme-corp"}
    ]
    for number, (rule, secret) in enumerate(secrets.items()):
        command = f"export {rule.upper().replace('-', '_')}={secret} # acme-corp\ncat {key}"
        said.append(call(json.dumps({"command": command, "n": number}), number))
        said.append({"role": "tool", "tool_call_id": f"call_{number}", "content": f"> {secret}<"})
    tools = ({"type": "function", "function": {"name": "bash", "description": "At acme-corp"}},)
    turns = []
    for index in range(0, len(said), 3):
        first = {"role": "system", "content": system.format("Monday" if index < 12 else "Sunday")}
        prompt = ({**first}, *said[: index + 1])
        turns.append(Turn("s", index // 3, prompt, tools=tools))
    path = tmp_path / "leaky.jsonl"
    write_capture([Session("s", tuple(turns))], path)
    return path


@pytest.mark.parametrize("mode", list(TextMode))
def test_secrets_and_names_cost_what_they_cost(
    smol: EndpointTokenizer,
    leaky: Path,
    tmp_path: Path,
    options: Callable[..., RedactionOptions],
    mode: TextMode,
) -> None:
    out = tmp_path / "out.jsonl"
    given = options(words=("acme-corp",), hosts=True, text=mode)
    report = redact_captures([leaky], out, given, tokenizer=smol)
    assert report.tokens.exact
    assert report.tokens.inexact_texts == 0
    assert report.tokens.before == report.tokens.after
    if mode is TextMode.KEEP:
        assert_same_counts(smol, leaky, out, every=True)
    written = out.read_text().lower()
    assert not any(name in written for name in ("thomasina", "acme", "30.41", "build-7"))


@pytest.mark.parametrize("mode", list(TextMode))
def test_a_synthesized_session_keeps_its_depth(
    smol: EndpointTokenizer,
    tmp_path: Path,
    options: Callable[..., RedactionOptions],
    mode: TextMode,
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    spec = SynthesisSpec(sessions=2, turns=5, start_depth=1300, depth=4000, reply_tokens=40)
    write_capture(iter_synthesized(spec), source)
    given = options(words=("file", "error", "test"), text=mode)
    report = redact_captures([source], out, given, tokenizer=smol)
    assert report.tokens.inexact_texts == 0
    old, new = load_workload(source).sessions, load_workload(out).sessions
    for was, now in zip(old, new, strict=True):
        for before, after in zip(was.turns, now.turns, strict=True):
            wanted = len(prompt_tokens(smol, before, {}))
            slack = 0 if mode is TextMode.KEEP else len(before.messages)
            assert abs(len(prompt_tokens(smol, after, {})) - wanted) <= slack


@pytest.mark.parametrize("name", ["fizeau", "codex", "claude-code"])
def test_real_captures_keep_every_count(
    name: str,
    smol: EndpointTokenizer,
    tmp_path: Path,
    options: Callable[..., RedactionOptions],
) -> None:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip("the real captures are not here")
    source = min(folder.iterdir(), key=lambda path: path.stat().st_size)
    out = tmp_path / "out.jsonl"
    report = redact_captures([source], out, options(hosts=True), tokenizer=smol)
    assert report.found > 0
    assert report.tokens.inexact_texts == 0
    assert_same_counts(smol, source, out, every=False)
