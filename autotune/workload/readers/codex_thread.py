"""One Codex thread put together again: items in order, a request wherever the model answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.model import Boundary, Message, Recorded, Session
from autotune.workload.prefix import common_prefix
from autotune.workload.readers.checks import count, difference_ms, mapping, span_ms
from autotune.workload.readers.codex_lines import ThreadMeta, last_usage
from autotune.workload.readers.rebuild import NOTHING_RECORDED, SessionBuilder
from autotune.workload.readers.responses_shape import (
    Reply,
    input_message,
    is_reply_item,
    items_to_messages,
)

COPY_GAP_MS = 250.0
"""A fork writes its parent's history into its own file at once, with the times of the copy. Lines
closer together than this, from the first on, are that copy: no model answers so soon."""

_HIDDEN_SUMMARIES = frozenset({"compaction", "compaction_summary", "context_compaction"})


@dataclass(slots=True)
class _Open:
    """A request whose reply is coming in; `after` came since and waits for its counts."""

    line: int
    sent_ms: float | None
    ended_ms: float | None
    copied: bool
    reply: Reply = field(default_factory=Reply)
    usage: Recorded | None = None
    ttft_ms: float | None = None
    after: list[Message] = field(default_factory=list)


class Thread:
    """A rollout's thread. Feed it the lines in order, then take `session`."""

    def __init__(self, meta: ThreadMeta, name: str, digest: str) -> None:
        self.meta = meta
        missing = ("system",) * (meta.system is None) + ("tools",) + ("history",) * meta.based
        session_id = meta.session_id or f"rollout-{digest.rpartition(':')[2][:12]}"
        self._made = SessionBuilder(session_id, name, digest, meta.parent, missing, meta.tools)
        self._open: _Open | None = None
        self._model: str | None = None
        self._input_ms = meta.started_ms
        self._ended_ms: float | None = None
        self._copied_ms: float | None = None
        self._copying = meta.boundary is not None
        self._total: Any = None
        self._turn_starts: list[int] = []
        self._task_start = 0
        self._task_requests = 0
        self._lost: tuple[str, ...] = ()
        if meta.system is not None:
            self._made.say({"role": "system", "content": meta.system})
        if meta.boundary is not None:
            self._made.mark(meta.boundary)

    def note_time(self, now_ms: float | None) -> None:
        """Follow the copy of a parent's history to its end."""
        before, self._copied_ms = self._copied_ms, now_ms
        if now_ms is None or (before is not None and now_ms - before >= COPY_GAP_MS):
            self._copying = False

    @property
    def copying(self) -> bool:
        """Whether the lines are still those of the thread that this one came from."""
        return self._copying

    def item(self, item: Mapping[str, Any], line: int, now_ms: float | None) -> None:
        """One item of the conversation, at `line`, written at `now_ms` where that is known."""
        if is_reply_item(item):
            self._answered(item, line, now_ms)
            return
        if item.get("type") in _HIDDEN_SUMMARIES:
            self._lose("compaction")
        message = input_message(item)
        if message is not None:
            self._hear(message, now_ms)

    def _hear(self, message: Message, now_ms: float | None) -> None:
        if self._open is None:
            self._made.say(message)
        else:
            self._open.after.append(message)
        if now_ms is not None or self._open is not None or self._made.turns:
            self._input_ms = now_ms

    def _answered(self, item: Mapping[str, Any], line: int, now_ms: float | None) -> None:
        request = self._open
        if request is None or request.after or request.usage is not None:
            self.close()
            request = self._open = _Open(line, self._sent_ms(), now_ms, self._copying)
            self._task_requests += not self._copying
        request.reply.add(item)
        request.ended_ms = now_ms

    def _sent_ms(self) -> float | None:
        """A request is sent when its last input is there, and not before the reply before it."""
        if self._input_ms is None or self._ended_ms is None:
            return self._input_ms
        return max(self._input_ms, self._ended_ms)

    def close(self) -> None:
        """The open request has all that is told of it."""
        request, self._open = self._open, None
        if request is None:
            return
        reply = request.reply.message() if request.reply.visible else None
        if not request.copied:
            self._request(request, reply)
        if reply is not None:
            self._made.say(reply)
        for message in request.after:
            self._made.say(message)
        self._ended_ms = None if request.copied else request.ended_ms
        if _lost_thinking(request):
            self._lose("thinking")

    def _request(self, request: _Open, reply: Message | None) -> None:
        sent, usage = request.sent_ms, request.usage or NOTHING_RECORDED
        self._made.request(
            line=request.line,
            response=reply,
            recorded=replace(
                usage,
                model=self._model,
                ttft_ms=request.ttft_ms,
                latency_ms=difference_ms(sent, request.ended_ms),
            ),
            output_tokens=usage.completion_tokens,
            timestamp_ms=sent,
            delay_ms=difference_ms(self._ended_ms, sent),
            missing=self._lost,
        )

    def _lose(self, what: str) -> None:
        if what not in self._lost:
            self._lost = (*self._lost, what)

    def model(self, name: str) -> None:
        """Requests from here on go to this model."""
        if name != self._model:
            self.close()
            self._model = name

    def token_count(self, payload: Mapping[str, Any]) -> None:
        """Counts of the open request, wherever they stand; a total repeated is no new request."""
        info = mapping(payload.get("info"))
        total = info.get("total_token_usage")
        if total is not None and total == self._total:
            return
        self._total = total
        if self._open is not None and self._open.usage is None and not self._open.copied:
            self._open.usage = last_usage(info)

    def task_started(self) -> None:
        """A user's task begins: what follows belongs to it, its context first."""
        self.close()
        self._task_start, self._task_requests = len(self._made.messages), 0

    def task_complete(self, payload: Mapping[str, Any]) -> None:
        """Time to first token is told by task: it is a request's where the task had only one."""
        ttft_ms = span_ms(payload.get("time_to_first_token_ms"))
        if self._open is not None and self._task_requests == 1 and not self._open.copied:
            self._open.ttft_ms = ttft_ms

    def user_message(self) -> None:
        """The last message heard is a user's own: a rollback counts from there."""
        self.close()
        start = len(self._made.messages) - 1
        if self._turn_starts:
            start = max(min(start, self._task_start), self._turn_starts[-1] + 1)
        if start >= 0:
            self._turn_starts.append(start)

    def rolled_back(self, payload: Mapping[str, Any]) -> None:
        """The user took back the newest turns: ``num_turns`` of them."""
        self.close()
        turns = count(payload.get("num_turns")) or 0
        if not turns or not self._turn_starts:
            return
        starts = self._turn_starts
        cut = starts[-turns] if turns <= len(starts) else starts[0]
        del starts[max(0, len(starts) - turns) :]
        self._made.replace(self._made.messages[:cut], self._why(Boundary.EDIT))

    def compacted(self, payload: Mapping[str, Any], now_ms: float | None) -> None:
        """The conversation was replaced: by a list of items, in old rollouts by a summary."""
        self.close()
        before = self._made.messages
        head = before[:1] if self.meta.system is not None else []
        items = payload.get("replacement_history")
        if isinstance(items, list):
            after = [*head, *items_to_messages(items)]
            self._lost = tuple(_lost_in(items))
        else:
            after = _summarised(before, payload.get("message"))
            self._lost = ()
        keep = common_prefix(before, after)
        self._made.replace([*before[:keep], *after[keep:]], self._why(Boundary.COMPACTION))
        self._turn_starts.clear()
        self._task_start = len(after)
        self._input_ms = now_ms

    def _why(self, edit: Boundary) -> Boundary:
        """What happened in the copied history is not this thread's: its first turn is a fork's."""
        return self.meta.boundary if self._copying and self.meta.boundary else edit

    def session(self) -> Session | None:
        """The thread as a session; ``None`` when it made no request of its own."""
        self.close()
        self._settle_instructions()
        return self._made.session()

    def _settle_instructions(self) -> None:
        """Instructions of an old rollout that no message repeats were part of the system prompt."""
        told = self.meta.instructions
        if told is None or self.meta.system is not None or not self._made.turns:
            return
        first = self._made.turns[0].messages
        if any(told in str(message.get("content")) for message in first):
            return
        head: Message = {"role": "system", "content": told}
        self._made.turns = [
            replace(
                turn,
                messages=(head, *turn.messages),
                keep=turn.keep + 1 if index else 0,
            )
            for index, turn in enumerate(self._made.turns)
        ]


def _lost_thinking(request: _Open) -> bool:
    """Whether the model thought and the words are not there; counts decide where there are any."""
    if request.reply.told:
        return False
    tokens = request.usage.reasoning_tokens if request.usage else None
    return request.reply.hidden if tokens is None else tokens > 0


def _lost_in(items: list[Any]) -> list[str]:
    """What the items of a compacted history hold in encrypted form only."""
    kinds = [item.get("type") for item in items if isinstance(item, dict)]
    lost = ["compaction"] if any(k in _HIDDEN_SUMMARIES for k in kinds if _hashable(k)) else []
    return [*lost, "thinking"] if "reasoning" in kinds else lost


def _hashable(kind: Any) -> bool:
    return isinstance(kind, str)


def _summarised(before: list[Message], summary: Any) -> list[Message]:
    """An old compaction: what the user and the client said stays, the rest is the summary."""
    kept = [message for message in before if message.get("role") in ("system", "user")]
    if isinstance(summary, str) and summary:
        kept.append({"role": "user", "content": summary})
    return kept
