"""Files of coding agents that hold no request to replay: named, with the way out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from autotune.workload.capture_schema import MANIFEST_SCHEMA
from autotune.workload.lines import CaptureFile, open_capture
from autotune.workload.readers.agentperf import REPLAY_MODE

_HEAD_BYTES = 64 * 1024
_MANIFESTS = re.compile(
    rf'"mode"\s*:\s*"{REPLAY_MODE}"|"schema"\s*:\s*"{re.escape(MANIFEST_SCHEMA)}"'
)


@dataclass(frozen=True, slots=True)
class Unplayable:
    """`what` the file is, and the `way_out`: where the requests are to be had.

    `of_folder` is a file that only describes the captures it lies with: no damage in a folder.
    """

    what: str
    way_out: str
    of_folder: bool = False


def unplayable(file: CaptureFile) -> Unplayable | None:
    """What `file` is, when it is a known file without requests; else ``None``.

    Raises `UserError` when it cannot be opened.
    """
    with open_capture(file.path) as stream:
        try:
            head = stream.read(_HEAD_BYTES).decode("utf-8", "replace")
        except (OSError, EOFError):
            return None
    kind = next((kind for claims, kind in _KINDS if claims(file, head)), None)
    return kind and replace(kind, way_out=kind.way_out.replace("{folder}", str(file.path.parent)))


def _first_object(head: str) -> dict[str, object]:
    """The first object of lines, of a list or of a document; empty when there is none."""
    start = head.lstrip("\ufeff \t\r\n").removeprefix("[").lstrip()
    try:
        value, _ = json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_aider(file: CaptureFile, head: str) -> bool:
    return file.path.name.startswith(".aider.chat.history") or head.lstrip().startswith(
        "# aider chat started at"
    )


def _is_cast(_: CaptureFile, head: str) -> bool:
    """Asciinema's header: a version and the size of the terminal (docs.asciinema.org)."""
    first = _first_object(head)
    return "version" in first and ({"width", "height"} <= first.keys() or "term" in first)


def _is_codex_exec(_: CaptureFile, head: str) -> bool:
    """The events that ``codex exec --json`` prints: thread.started, turn.started, item...."""
    return _first_object(head).get("type") == "thread.started"


def _is_claude_stream(_: CaptureFile, head: str) -> bool:
    """What ``claude -p --output-format stream-json`` prints: it opens with system/init."""
    first = _first_object(head)
    return (first.get("type"), first.get("subtype")) == ("system", "init")


def _is_codex_history(_: CaptureFile, head: str) -> bool:
    """``~/.codex/history.jsonl``: the prompts that were typed, nothing else."""
    return _first_object(head).keys() == {"session_id", "ts", "text"}


def _is_claude_history(_: CaptureFile, head: str) -> bool:
    """``~/.claude/history.jsonl``: typed prompts with their project; older ones have no session."""
    keys = _first_object(head).keys()
    return {"display", "timestamp", "project"} <= keys and "message" not in keys


def _is_gemini_history(_: CaptureFile, head: str) -> bool:
    """``logs.json`` of gemini-cli and Qwen-code, one a project: typed prompts, numbered."""
    keys = {"sessionId", "messageId", "type", "message", "timestamp"}
    return _first_object(head).keys() == keys


def _is_opencode_history(_: CaptureFile, head: str) -> bool:
    """``prompt-history.jsonl`` of opencode: what was typed, and the parts that were attached."""
    return {"input", "parts"} <= _first_object(head).keys() <= {"input", "parts", "mode"}


def _is_manifest(_: CaptureFile, head: str) -> bool:
    """The list of a folder: agentperf's, under any name, or our own."""
    return head.lstrip().startswith("{") and _MANIFESTS.search(head) is not None


_KINDS: tuple[tuple[Callable[[CaptureFile, str], bool], Unplayable], ...] = (
    (
        _is_aider,
        Unplayable(
            "an Aider chat history, Markdown without requests",
            "run the agent through 'autotune captures record' to capture what it sends",
        ),
    ),
    (
        _is_cast,
        Unplayable(
            "a terminal recording (asciinema)",
            "give the agent's own session log, or record with 'autotune captures record'",
        ),
    ),
    (
        _is_codex_exec,
        Unplayable(
            "the output of 'codex exec --json', which leaves out the prompts",
            "give the rollout of that session: $CODEX_HOME/sessions/YYYY/MM/DD/rollout-*.jsonl",
        ),
    ),
    (
        _is_claude_stream,
        Unplayable(
            "the output of 'claude -p --output-format stream-json', which leaves out the prompts",
            "give the transcript of that session: ~/.claude/projects/<folder>/<session>.jsonl",
        ),
    ),
    (
        _is_codex_history,
        Unplayable(
            "a list of typed prompts",
            "give the rollouts beside it: {folder}/sessions/YYYY/MM/DD/rollout-*.jsonl",
        ),
    ),
    (
        _is_claude_history,
        Unplayable(
            "a list of typed prompts of Claude Code",
            "give the transcripts beside it: {folder}/projects",
        ),
    ),
    (
        _is_gemini_history,
        Unplayable(
            "a list of typed prompts of gemini-cli or Qwen-code",
            "give the sessions beside it: {folder}/chats",
        ),
    ),
    (
        _is_opencode_history,
        Unplayable(
            "a list of typed prompts of opencode",
            "give the session: opencode export SESSION > session.json",
        ),
    ),
    (
        _is_manifest,
        Unplayable(
            "the manifest of a folder of captures", "give the folder: {folder}", of_folder=True
        ),
    ),
)
