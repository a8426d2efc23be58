"""What earlier replies a prompt carries: the engine's own, or the capture's.

In closed loop the reply that the engine gave to a turn stands in the place of the recorded one in
every later prompt of that session, so the engine meets its own tokens again, as in life. It was
generated at the recorded length, so prompts grow as they did. What follows from that:

* The recorded tool calls go with the recorded reply: their tokens are part of the length that was
  generated instead. Calls that the engine itself made are kept, and the tool results after them
  take over their ids, in order. Other results stay as they are, answering no call; templates
  render them by their role, and `Rendering` is for those that refuse.
* A reply recorded as several assistant messages in a row is replaced as a whole.
* A context edit (compaction, a rewritten message) drops every replacement behind the edit.

In recorded history every message is the very object that the capture held.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from autotune.replay.outcome import Reply
from autotune.replay.plan import History
from autotune.workload.model import Message, Turn
from autotune.workload.prefix import common_prefix


class SessionHistory:
    """The prompts of one session, turn after turn. Not shared between threads."""

    def __init__(self, history: History) -> None:
        self._closed = history is History.CLOSED_LOOP
        self._previous: tuple[Message, ...] = ()
        self._reply: Reply | None = None
        self._replaced: dict[int, Message | None] = {}

    def prompt(self, turn: Turn) -> tuple[Message, ...]:
        """The messages to send for `turn`; turns come in the order of the session."""
        if not self._closed:
            return turn.messages
        shared = common_prefix(self._previous, turn.messages)
        self._replaced = {at: m for at, m in self._replaced.items() if at < shared}
        if self._reply is not None and shared == len(self._previous):
            self._replaced.update(_replacements(turn.messages, shared, self._reply))
        self._previous, self._reply = turn.messages, None
        return _replace(turn.messages, self._replaced)

    def answered(self, reply: Reply) -> None:
        """The engine's reply to the prompt given last."""
        self._reply = reply


def _replace(
    messages: tuple[Message, ...], replaced: dict[int, Message | None]
) -> tuple[Message, ...]:
    changed = [replaced.get(at, message) for at, message in enumerate(messages)]
    return tuple(message for message in changed if message is not None)


def _replacements(
    messages: Sequence[Message], start: int, reply: Reply
) -> dict[int, Message | None]:
    """Position to message, ``None`` for one that goes; empty where no reply stands at `start`."""
    recorded = _run(messages, start, "assistant")
    if not recorded:
        return {}
    replaced: dict[int, Message | None] = dict.fromkeys(recorded)
    replaced[start] = reply.as_message()
    results = _run(messages, recorded[-1] + 1, "tool")
    for at, call in zip(results, reply.tool_calls, strict=False):
        replaced[at] = {**messages[at], "tool_call_id": call.get("id", "")}
    return replaced


def _run(messages: Sequence[Message], start: int, role: str) -> list[int]:
    """Positions of the unbroken run of `role` that begins at `start`."""
    tail = range(start, len(messages))
    return list(takewhile(lambda at: messages[at].get("role") == role, tail))
