"""agentperf-local's rows and manifest, by its own rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotune.workload.formats.agentperf import AGENTPERF, context_tokens, row
from autotune.workload.model import Recorded, Session, Turn


@pytest.mark.parametrize(
    ("prompt", "reply", "context"), [(10, 5, 1024), (1000, 24, 1024), (1000, 25, 2048)]
)
def test_the_context_holds_prompt_and_reply(prompt: int, reply: int, context: int) -> None:
    turn = Turn("s", 0, (), recorded=Recorded(prompt_tokens=prompt), output_tokens=reply)
    assert context_tokens(Session("s", (turn,))) == context


def test_the_context_is_unknown_without_counts(sessions: list[Session]) -> None:
    assert context_tokens(sessions[0]) is None


def test_rows(sessions: list[Session]) -> None:
    first, second, third = (row(sessions[0], place) for place in range(3))
    assert first["turn_id"] == "agent a/b:0000"
    assert first["conversation_id"] == first["task_id"] == "agent a/b"
    assert first["recorded_total_tokens"] == 720
    assert first["recorded_model_duration_ms"] == 900.0
    assert first["simulated_tool_delay_ms_after"] == 99.5
    assert second["simulated_tool_delay_ms_after"] == 0.0
    assert "recorded_prompt_tokens" not in second
    assert [each["conversation_idx"] for each in (first, second, third)] == [0, 1, 2]
    assert first["messages"] == list(sessions[0].turns[0].messages)


def test_the_manifest_binds_every_trace(sessions: list[Session], tmp_path: Path) -> None:
    AGENTPERF.write(sessions, tmp_path / "out", b"")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["mode"], manifest["version"]) == ("single_user_agentic_replay", 1)
    assert [task["task_id"] for task in manifest["tasks"]] == ["agent a/b", "sub"]
    for task in manifest["tasks"]:
        lines = (tmp_path / "out" / task["trace"]).read_text().splitlines()
        assert len(lines) == task["model_calls"]
        calls = sum(len(json.loads(line)["recorded_tool_calls_after"]) for line in lines)
        assert calls == task["tool_calls"]
    assert manifest["tasks"][0]["total_recorded_tool_delay_ms"] == 99.5
    assert manifest["tasks"][1]["required_context_tokens"] == 1024
