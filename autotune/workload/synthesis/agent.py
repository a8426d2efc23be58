"""The made-up agent: what it says, which tool it calls, and what the tool answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from autotune.workload.depth import CHARS_PER_TOKEN, message_chars
from autotune.workload.model import Message
from autotune.workload.synthesis.project import PATHS, Project, diff_lines
from autotune.workload.synthesis.prompts import task
from autotune.workload.synthesis.words import AREAS, fill, phrase, sentences

_SMALL_CHARS = 1_200
_SECOND_CALL_SHARE = 0.2

_NEXT: dict[str, tuple[str, ...]] = {
    "start": ("list_files", "search", "read_files"),
    "list_files": ("search", "read_files", "read_files"),
    "search": ("read_files", "read_files", "edit_file"),
    "read_files": ("edit_file", "edit_file", "search", "read_files"),
    "edit_file": ("run_tests", "run_tests", "read_files", "show_diff"),
    "run_tests": ("read_files", "edit_file", "search", "show_diff"),
    "show_diff": ("run_tests", "edit_file", "read_files"),
    "delegate": ("read_files", "search"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call and where its result comes from."""

    tool: str
    arguments: dict[str, Any]
    result: Iterator[str]


class Agent:
    """Replies and tool results of one session, sized by its plan. Deterministic by `rng`."""

    def __init__(self, rng: Random, project: Project) -> None:
        self._rng = rng
        self._project = project
        self._focus = rng.choice(PATHS)
        self._before = "start"
        self._makers: dict[str, Callable[[int], Call]] = {
            "list_files": self._list_files,
            "search": self._search,
            "read_files": self._read_files,
            "edit_file": self._edit_file,
            "run_tests": self._run_tests,
            "show_diff": self._show_diff,
        }

    def step(self, reply_tokens: int, growth_chars: int) -> tuple[Message, list[Message]]:
        """A reply with a tool call or two, and their results; together about `growth_chars`."""
        reply_chars = reply_tokens * CHARS_PER_TOKEN
        result_chars = growth_chars - reply_chars
        calls = [self._next_call(reply_chars, result_chars)]
        if result_chars > _SMALL_CHARS and self._rng.random() < _SECOND_CALL_SHARE:
            calls.append(self._read_files(0))
        return self._called(calls, reply_chars, growth_chars)

    def delegate(
        self, tasks: list[str], reply_tokens: int, growth_chars: int
    ) -> tuple[Message, list[Message]]:
        """A reply that hands `tasks` to sub-agents, and their reports."""
        calls = [self._delegation(text) for text in tasks]
        self._before = "delegate"
        return self._called(calls, reply_tokens * CHARS_PER_TOKEN, growth_chars)

    def ask(self, reply_tokens: int, growth_chars: int) -> tuple[Message, list[Message]]:
        """A reply that ends the task, and the user's next message."""
        text = fill(sentences(self._rng), reply_tokens * CHARS_PER_TOKEN, " ")
        self._before, self._focus = "start", self._rng.choice(PATHS)
        question = task(self._rng, max(0, growth_chars - len(text)))
        return {"role": "assistant", "content": text}, [{"role": "user", "content": question}]

    def last(self, reply_tokens: int) -> Message:
        """The reply that ends the session."""
        text = fill(sentences(self._rng), reply_tokens * CHARS_PER_TOKEN, " ")
        return {"role": "assistant", "content": text}

    def _called(
        self, calls: list[Call], reply_chars: int, growth_chars: int
    ) -> tuple[Message, list[Message]]:
        reply = self._reply(calls, reply_chars)
        room = max(0, growth_chars - message_chars(reply))
        results: list[Message] = []
        for index, call in enumerate(calls):
            share = (room - sum(map(message_chars, results))) // (len(calls) - index)
            content = fill(call.result, share, "\n")
            call_id = reply["tool_calls"][index]["id"]
            results.append({"role": "tool", "tool_call_id": call_id, "content": content})
        return reply, results

    def _reply(self, calls: list[Call], chars: int) -> Message:
        """The assistant message: a sentence or more in front where there is room."""
        made = [_tool_call(self._rng, call) for call in calls]
        message: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": made}
        room = chars - message_chars(message)
        message["content"] = fill(sentences(self._rng), room, " ") if room > 40 else ""
        return message

    def _next_call(self, reply_chars: int, result_chars: int) -> Call:
        tool = self._rng.choice(_NEXT[self._before])
        if tool == "edit_file" and result_chars > _SMALL_CHARS:
            tool = self._rng.choice(("read_files", "run_tests"))
        if tool == "show_diff" and not self._project.edits:
            tool = "search"
        self._before = tool
        return self._makers[tool](reply_chars)

    def _list_files(self, _: int) -> Call:
        return Call("list_files", {"path": "src/shop"}, self._project.tree())

    def _search(self, _: int) -> Call:
        word = self._rng.choice(AREAS)[:5]
        arguments = {"pattern": word, "path": "src"}
        return Call("search", arguments, self._project.grep(self._rng, word))

    def _read_files(self, _: int) -> Call:
        if self._rng.random() < 0.4:
            self._focus = self._rng.choice(PATHS)
        offset = self._rng.randrange(0, len(self._project.lines(self._focus)), 10)
        result = self._project.read(self._rng, self._focus, offset)
        return Call("read_files", {"paths": [self._focus], "offset": offset}, result)

    def _edit_file(self, reply_chars: int) -> Call:
        edit = self._project.edit(self._rng, self._focus, max(80, reply_chars - 160))
        arguments = {"path": edit.path, "old_text": _text(edit.old), "new_text": _text(edit.new)}
        return Call("edit_file", arguments, self._edited(edit.path))

    def _edited(self, path: str) -> Iterator[str]:
        yield f"edited {path}"
        yield from diff_lines(self._project.edits[-1])
        yield from self._project.numbered(path, self._project.edits[-1].start)
        yield from self._project.read(self._rng, path)

    def _run_tests(self, _: int) -> Call:
        failing = self._rng.random() < 0.5
        log = self._project.test_log(self._rng, failing=failing)
        return Call("run_tests", {"target": f"tests/{self._focus.split('/')[2]}"}, log)

    def _show_diff(self, _: int) -> Call:
        return Call("show_diff", {"path": self._focus}, self._project.diff(self._rng))

    def _delegation(self, text: str) -> Call:
        arguments = {"description": phrase(self._rng), "prompt": text}
        return Call("delegate", arguments, sentences(self._rng))


def _text(lines: tuple[str, ...]) -> str:
    return "\n".join(lines)


def _tool_call(rng: Random, call: Call) -> dict[str, Any]:
    """An OpenAI tool call; the arguments are the JSON string that a model would write."""
    function = {"name": call.tool, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
    return {"id": f"call_{rng.getrandbits(64):016x}", "type": "function", "function": function}
