"""One thread of a Claude Code transcript as a session: its requests, with what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from autotune.workload.depth import CHARS_PER_TOKEN, message_chars
from autotune.workload.model import Boundary, Message, Recorded, Session
from autotune.workload.readers.checks import difference_ms
from autotune.workload.readers.claude_entries import Entry, Kind
from autotune.workload.readers.claude_path import Path
from autotune.workload.readers.claude_tree import Group, ThreadKey, Tree
from autotune.workload.readers.rebuild import SessionBuilder

MAX_HEAD_TOKENS = 60_000
"""Above this, a first prompt that is not in the file is more than a system prompt and tools.

Of 192 recorded sessions, nine in ten had at most 12.7k tokens of tools and 3.8k of system prompt;
43k was seen with many MCP servers. The next that were seen had 148k: those began in mid-session.
"""


@dataclass(slots=True)
class Thread:
    """A session that grows by one request at a time, in the order of the file."""

    tree: Tree
    key: ThreadKey
    format: str
    file_digest: str
    _path: Path = field(init=False)
    _made: SessionBuilder = field(init=False)
    _root: Entry | None = None
    _end_ms: float | None = None
    _headless: bool = False

    def __post_init__(self) -> None:
        session_id, agent = self.key
        self._path = Path(self.tree)
        self._made = SessionBuilder(
            session_id=f"{session_id}/{agent}" if agent else session_id,
            format=self.format,
            file_digest=self.file_digest,
            parent=session_id if agent else None,
            missing=("system", "tools"),
        )

    def session(self) -> Session | None:
        """The thread so far; ``None`` when it made no request."""
        return self._made.session()

    def add(self, group: Group) -> None:
        """The next reply, and the request that it answers."""
        if not group.is_request:
            return
        made, path = self._made, self._path
        path.move_to(group)
        message = group.message
        recorded = _recorded(group, message)
        made.messages = list(path.messages)
        boundary = self._boundary(recorded)
        if boundary is not None:
            made.mark(boundary)
        start_ms, end_ms = self._start_ms(group), _end_ms(group)
        made.request(
            line=group.first.number,
            response=message,
            recorded=replace(recorded, latency_ms=difference_ms(start_ms, end_ms)),
            output_tokens=_output_tokens(group, message),
            timestamp_ms=start_ms,
            delay_ms=difference_ms(self._end_ms, start_ms),
            missing=self._missing(),
            origin=_request_id(group),
        )
        self._root, self._end_ms = path.root, end_ms

    def _boundary(self, recorded: Recorded) -> Boundary | None:
        """Why this prompt does not simply extend the one before."""
        root = self._path.root
        if not self._made.turns:
            return self._opening(root, recorded)
        if self._path.kept == len(self._made.turns[-1].messages):
            return None
        if root is not self._root and _is_compaction(root):
            self._headless = False
            return Boundary.COMPACTION
        return Boundary.EDIT

    def _opening(self, root: Entry | None, recorded: Recorded) -> Boundary | None:
        """What the first request of the thread begins with."""
        is_agent = self.key[1] is not None
        if _is_compaction(root):
            return Boundary.COMPACTION
        visible = sum(map(message_chars, self._made.messages)) / CHARS_PER_TOKEN
        hidden = (recorded.prompt_tokens or 0) - visible
        is_cut = root is not None and root.uuid in self.tree.cut
        self._headless = hidden > MAX_HEAD_TOKENS or (is_cut and not is_agent)
        if is_agent:
            return Boundary.FORK if self._headless else Boundary.SUBAGENT
        foreign = any(entry.session_id != self.key[0] for entry in self._path.entries)
        return Boundary.RESUME if self._headless or foreign else None

    def _missing(self) -> tuple[str, ...]:
        lacking = sorted(self._path.missing)
        return (*lacking, "history") if self._headless else tuple(lacking)

    def _start_ms(self, group: Group) -> float | None:
        """When the request was sent: the last that was said before the reply's first block."""
        first_ms = group.first.time_ms
        said = [e.time_ms for e in self._path.fresh if e.reply is None and e.time_ms is not None]
        in_time = [time for time in said if first_ms is None or time <= first_ms]
        return max(in_time, default=None)


def _is_compaction(root: Entry | None) -> bool:
    return root is not None and (root.kind is Kind.BOUNDARY or root.is_summary)


def _request_id(group: Group) -> dict[str, str]:
    reply = group.first.reply
    return {"request_id": reply.message_id} if reply else {}


def _end_ms(group: Group) -> float | None:
    return max((e.time_ms for e in group.entries if e.time_ms is not None), default=None)


def _is_final(group: Group) -> bool:
    return any(entry.reply is not None and entry.reply.is_final for entry in group.entries)


def _written(group: Group) -> int | None:
    """The largest count of output tokens that a line of the reply gives."""
    replies = [entry.reply for entry in group.entries if entry.reply is not None]
    counts = [reply.usage.completion_tokens for reply in replies]
    return max((count for count in counts if count is not None), default=None)


def _estimate(message: Message) -> int:
    return round(message_chars(message) / CHARS_PER_TOKEN)


def _output_tokens(group: Group, message: Message) -> int | None:
    """Tokens of the reply. Older versions recorded the count at its start: 1, 3, 8.

    Without a stop reason, what is to be seen of the reply counts where it is more.
    """
    written = _written(group)
    if _is_final(group):
        return written
    return max(written or 0, _estimate(message)) or written


def _recorded(group: Group, message: Message) -> Recorded:
    """What was recorded of the request. A count of the reply's start is not one of the reply."""
    reply = group.first.reply
    if reply is None:
        return Recorded()
    written = _written(group)
    whole = _is_final(group) or (written or 0) >= _estimate(message)
    usage = reply.usage if reply.usage.prompt_tokens else Recorded()
    return replace(usage, completion_tokens=written if whole else None, model=reply.model)
