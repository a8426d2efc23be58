"""OpenHands completion logs: exact prompts, conversations told apart, both generations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Damage, PromptFidelity, Session
from autotune.workload.readers.openhands_completions import OpenHandsCompletionsReader

TOOL = {"type": "function", "function": {"name": "bash", "parameters": {}}}
SYSTEM = {"role": "system", "content": [{"type": "text", "text": "You act."}]}
TASK = {"role": "user", "content": [{"type": "text", "text": "Fix it."}]}
REPLY = {"role": "assistant", "content": "I look."}


def said(text: str, marked: bool = False) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "text", "text": text}
    if marked:
        part["cache_control"] = {"type": "ephemeral"}
    return {"role": "user", "content": [part]}


def call(messages: list[Any], prompt: int, reply: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": 9}
    usage |= {"prompt_tokens_details": {"cached_tokens": prompt - 50}}
    response = {"id": "r", "model": "m-1", "choices": [{"message": reply}], "usage": usage}
    return {"messages": messages, "response": response, "cost": 0, **more}


def folder_of(folder: Path, calls: dict[str, Any]) -> Path:
    made = folder / "llm_completions" / "made__up-1"
    made.mkdir(parents=True)
    for name, value in calls.items():
        (made / name).write_text(json.dumps(value))
    return made


def v0(folder: Path) -> Path:
    """Two calls of the agent with a title between them; the mark of the cache moves on."""
    settings = {"tools": [TOOL], "temperature": 0.0, "extra_headers": {}}
    first = call([SYSTEM, said("Fix it.", marked=True)], 100, REPLY)
    title = call([{"role": "user", "content": "Name this."}], 60, {"content": "A fix"})
    second = call([SYSTEM, TASK, REPLY, said("ok", marked=True)], 130, {"content": "Done."})
    return folder_of(
        folder,
        {
            "openai__m-1-1767323003.5.json": {**first, "kwargs": settings, "timestamp": 1767323003},
            "openai__m-1-1767323004.5.json": {**title, "kwargs": {}, "timestamp": 1767323004},
            "openai__m-1-1767323009.5.json": {
                **second,
                "kwargs": settings,
                "timestamp": 1767323009,
            },
        },
    )


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    reader = OpenHandsCompletionsReader()
    return list(reader.read(CaptureFile(path, path.name), ledger)), ledger.entries()


def test_a_folder_is_a_conversation_and_its_side_calls(tmp_path: Path) -> None:
    sessions, damage = read(v0(tmp_path))
    assert damage == ()
    main = next(s for s in sessions if s.session_id == "made__up-1")
    (side,) = (s for s in sessions if s is not main)
    assert [t.recorded.prompt_tokens for t in main.turns] == [100, 130]
    assert [t.recorded.cached_tokens for t in main.turns] == [50, 80]
    assert side.turns[0].recorded.prompt_tokens == 60
    assert {t.fidelity.prompt for t in main.turns} == {PromptFidelity.EXACT}
    assert [t.boundary for t in main.turns] == [None, None]


def test_prompts_are_shared_though_the_mark_of_the_cache_moves(tmp_path: Path) -> None:
    sessions, _ = read(v0(tmp_path))
    main = next(s for s in sessions if s.session_id == "made__up-1")
    first, second = main.turns
    assert second.keep == 2
    assert second.messages[1] is first.messages[1]
    assert first.response == REPLY
    assert first.tools == (TOOL,)
    assert dict(first.params) == {"temperature": 0.0}


def test_the_newer_log_has_tools_latency_and_a_summary_of_its_own(tmp_path: Path) -> None:
    tool = {"type": "function", "name": "bash", "parameters": {}}
    made = call([SYSTEM, TASK], 0, REPLY, tools=[tool], kwargs={}, latency_sec=2.5)
    made["timestamp"] = 1767323010.0
    made["response"].pop("usage")
    made["usage_summary"] = {"prompt_tokens": 70, "completion_tokens": 4, "cache_read_tokens": 20}
    (session,), _ = read(folder_of(tmp_path, {"m-1-1767323010.123-a1b2.json": made}))
    (turn,) = session.turns
    assert (turn.recorded.prompt_tokens, turn.recorded.cached_tokens) == (70, 20)
    assert turn.recorded.latency_ms == 2500.0
    assert turn.timestamp_ms == 1767323007500.0
    assert turn.tools == ({"type": "function", "function": {"name": "bash", "parameters": {}}},)


def test_calls_of_the_responses_api(tmp_path: Path) -> None:
    made = {
        "instructions": "You act.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Fix it."}]}],
        "response": {
            "output": [{"type": "message", "role": "assistant", "content": "Done."}],
            "usage": {"input_tokens": 40, "output_tokens": 2},
        },
    }
    (session,), _ = read(folder_of(tmp_path, {"m-1-1767323010.5.json": made}))
    (turn,) = session.turns
    assert [m["content"] for m in turn.messages] == ["You act.", "Fix it."]
    assert turn.recorded.prompt_tokens == 40
    assert turn.response == {"role": "assistant", "content": "Done."}


def test_other_files_are_passed_over_and_broken_ones_counted(tmp_path: Path) -> None:
    folder = v0(tmp_path)
    (folder / "notes.txt").write_text("hello")
    (folder / "settings.json").write_text("{}")
    (folder / "m-1-1767323010.5.json").write_text("{")
    bad = call([{"role": 5}], 5, REPLY)
    (folder / "m-1-1767323011.5.json").write_text(json.dumps(bad))
    sessions, damage = read(folder)
    assert len(sessions) == 2
    kinds = {d.kind: d.count for d in damage}
    assert kinds == {"skipped-file": 3, "bad-json": 1, "wrong-schema": 1}


def test_claims_and_detection(tmp_path: Path) -> None:
    folder = v0(tmp_path)
    reader = OpenHandsCompletionsReader()
    assert reader.claims_folder(folder, sorted(p.name for p in folder.iterdir()))
    assert not reader.claims_folder(folder, ["a.json"])
    (folder / "x-1767323003.5.json").write_text("[]")
    assert not reader.claims_folder(folder, ["x-1767323003.5.json"])
    assert load_workload(tmp_path).formats == ("openhands-completions",)
