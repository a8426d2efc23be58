"""Files of coding agents that hold no request to replay: named, with the way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from autotune.workload.lines import CaptureFile, open_capture

_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Unplayable:
    """`what` the file is, and the `way_out`: where the requests are to be had."""

    what: str
    way_out: str


def unplayable(file: CaptureFile) -> Unplayable | None:
    """What `file` is, when it is a known file without requests; else ``None``.

    Raises `UserError` when it cannot be opened.
    """
    with open_capture(file.path) as stream:
        try:
            head = stream.read(_HEAD_BYTES).decode("utf-8", "replace")
        except (OSError, EOFError):
            return None
    return next((kind for claims, kind in _KINDS if claims(file, head)), None)


def _first_object(head: str) -> dict[str, object]:
    """The first line as an object; empty when it is none."""
    try:
        value = json.loads(head.lstrip().partition("\n")[0])
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


def _is_prompt_history(_: CaptureFile, head: str) -> bool:
    """``~/.codex/history.jsonl``: the prompts that were typed, nothing else."""
    return _first_object(head).keys() == {"session_id", "ts", "text"}


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
        _is_prompt_history,
        Unplayable(
            "a list of typed prompts",
            "give the rollouts beside it: sessions/YYYY/MM/DD/rollout-*.jsonl",
        ),
    ),
)
