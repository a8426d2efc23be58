"""Files without requests are named, and the message says where the requests are."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.workload.damage import DamageLedger
from autotune.workload.detect import find_captures
from autotune.workload.lines import CaptureFile
from autotune.workload.unplayable import unplayable

KINDS = {
    "notes.md": ("# aider chat started at 2026-11-01 10:00:00\n\n#### hello\n", "Aider"),
    "agent.cast": ('{"version": 2, "width": 80, "height": 24}\n[0.1, "o", "$ "]\n', "asciinema"),
    "new.cast": ('{"version": 3, "term": {"cols": 80}}\n', "asciinema"),
    "out.jsonl": ('{"type":"thread.started","thread_id":"x"}\n', "codex exec"),
    "stream.jsonl": ('{"type":"system","subtype":"init","cwd":"/"}\n', "stream-json"),
    "history.jsonl": ('{"session_id":"x","ts":1,"text":"hello"}\n', "typed prompts"),
    "claude.jsonl": (
        '{"display":"hi","pastedContents":{},"timestamp":1,"project":"/p","sessionId":"x"}\n',
        "typed prompts of Claude Code",
    ),
    "logs.json": (
        '[\n {"sessionId":"x","messageId":0,"type":"user","message":"hi","timestamp":"t"}\n]',
        "typed prompts of gemini-cli",
    ),
    "prompt-history.jsonl": ('{"input":"hi","parts":[]}\n' * 3, "typed prompts of opencode"),
    "manifest-x86_64.json": (
        '{\n "name": "x",\n "mode": "single_user_agentic_replay", "tasks": []\n}',
        "manifest of a folder",
    ),
    "manifest.json": ('{"schema": "capture-manifest/1", "sessions": []}', "manifest of a folder"),
}


@pytest.mark.parametrize("name", list(KINDS))
def test_a_named_file_is_refused_by_its_kind(tmp_path: Path, name: str) -> None:
    text, word = KINDS[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=word) as caught:
        list(find_captures([tmp_path / name], DamageLedger()))
    assert "cannot be replayed" in str(caught.value)
    assert caught.value.hint


def test_in_a_folder_they_are_counted_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text(KINDS["out.jsonl"][0])
    ledger = DamageLedger()
    assert list(find_captures([tmp_path], ledger)) == []
    (damage,) = ledger.entries()
    assert damage.kind == "unknown-format"
    assert "rollout" in damage.detail


def test_the_hint_names_the_folder_to_give_instead(tmp_path: Path) -> None:
    for name, place in (
        ("manifest-x86_64.json", tmp_path),
        ("claude.jsonl", tmp_path / "projects"),
    ):
        (tmp_path / name).write_text(KINDS[name][0])
        with pytest.raises(UserError) as caught:
            list(find_captures([tmp_path / name], DamageLedger()))
        assert caught.value.hint.endswith(str(place))


def test_a_manifest_is_no_damage_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "manifest-x86_64.json").write_text(KINDS["manifest-x86_64.json"][0])
    ledger = DamageLedger()
    assert list(find_captures([tmp_path], ledger)) == []
    (damage,) = ledger.entries()
    assert (damage.kind, damage.harmless) == ("skipped-file", True)


@pytest.mark.parametrize("data", [b"", b"\xff\xff", b"{}", b"[1]", b'{"version": 1}'])
def test_anything_else_is_not(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert unplayable(CaptureFile(tmp_path / "x", "x")) is None
