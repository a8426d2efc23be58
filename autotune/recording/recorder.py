"""Recording beside the stream: ended requests are handed over, one thread reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Thread

from autotune.recording.backlog import Backlog
from autotune.recording.events import Listener, Notice, NotRecorded, Totals, TurnWritten
from autotune.recording.exchange import Exchange
from autotune.recording.files import Appended, CaptureFiles
from autotune.recording.headers import strike_out
from autotune.recording.lines import RecordedTurn
from autotune.recording.reading import Reading, RefusedError
from autotune.recording.tap import Tap

TICK_S = 0.25
LATEST_TTFTS = 1000
"""Times to first token that the running median is of."""

_BROKEN = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading raises over JSON of any shape: that request is lost, the next one is not."""


@dataclass(eq=False)
class Recorder:
    """Takes what has passed and appends it to the capture. `start` it, and `close` it at the end.

    Its methods for the proxy never wait: a request that finds the backlog full is not recorded.
    """

    reading: Reading
    files: CaptureFiles
    listener: Listener
    totals: Totals = field(default_factory=Totals)
    backlog: Backlog = field(default_factory=Backlog)
    _notices: list[str] = field(default_factory=list)
    _asked_without: set[str] = field(default_factory=set)
    _sessions: set[str] = field(default_factory=set)
    _dropped: int = 0
    _too_large: int = 0
    _disk_refuses: bool = False
    _thread: Thread | None = None

    def start(self) -> None:
        """Begins to write."""
        self._thread = Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Writes all that was handed over, and returns when that is done."""
        self.backlog.close()
        if self._thread is not None:
            self._thread.join()
        self._tell_passed()

    def begun(self) -> None:
        """A request arrived."""
        self.totals.requests += 1
        self.totals.under_way += 1

    def ended(self, tap: Tap | None, failure: str | None) -> None:
        """A request ended; `tap` is set where it is to be recorded."""
        self.totals.under_way -= 1
        if tap is None:
            return
        if tap.too_large:
            self._too_large += 1
        elif not self.backlog.offer(tap.exchange(failure)):
            self._dropped += 1

    def asked_without(self, encodings: tuple[str, ...]) -> None:
        """The upstream was asked for a reply without these content encodings."""
        for name in encodings:
            if name not in self._asked_without:
                self._asked_without.add(name)
                self._notices.append(
                    f"replies in content encoding {name} cannot be read here: the upstream is"
                    " not told that the agent takes it"
                )

    def _run(self) -> None:
        try:
            while not self.backlog.done:
                exchange = self.backlog.take(TICK_S)
                if exchange is not None:
                    self._record(exchange)
                self._tell_passed()
        finally:
            # Whatever ends this thread, nothing is kept for it any more.
            self.backlog.close()

    def _tell_passed(self) -> None:
        """What the proxy noticed meanwhile, and that time has passed."""
        while self._notices:
            self.listener(Notice(self._notices.pop(0)))
        self._count_passed("backlog", self._dropped, "the recorder could not keep up")
        self._count_passed("too-large", self._too_large, "longer than any prompt or reply")
        self.listener(None)

    def _count_passed(self, kind: str, count: int, reason: str) -> None:
        for _ in range(count - self.totals.not_recorded.get(kind, 0)):
            self._not_recorded(kind, reason)

    def _record(self, exchange: Exchange) -> None:
        try:
            self._write(self.reading.turn(exchange))
        except RefusedError as error:
            self._not_recorded("refused", str(error))
        except _BROKEN as error:
            self._not_recorded("unreadable", strike_out(_why(error), exchange.secrets))

    def _write(self, turn: RecordedTurn) -> None:
        try:
            appended = self.files.append(turn)
        except OSError as error:
            if not self._disk_refuses:
                self._disk_refuses = True
                reason = error.strerror or str(error)
                self.listener(Notice(f"no longer recording: {reason}; still forwarding"))
            self._not_recorded("disk", error.strerror or str(error))
            return
        if self._disk_refuses:
            self._disk_refuses = False
            lost = self.totals.not_recorded["disk"]
            self.listener(Notice(f"recording again; {lost} requests are not in the capture"))
        self._count(turn)
        self.listener(_written(turn, appended))

    def _count(self, turn: RecordedTurn) -> None:
        totals = self.totals
        totals.turns += 1
        self._sessions.add(turn.session_id)
        totals.sessions = len(self._sessions)
        deepest = (totals.deepest_tokens, turn.answer.usage.prompt_tokens)
        totals.deepest_tokens = max((d for d in deepest if d is not None), default=None)
        if turn.answer.ttft_s is not None:
            latest = [*totals.ttfts_ms[1 - LATEST_TTFTS :], turn.answer.ttft_s * 1000.0]
            totals.ttfts_ms = latest

    def _not_recorded(self, kind: str, reason: str) -> None:
        counts = self.totals.not_recorded
        self.totals.not_recorded = {**counts, kind: counts.get(kind, 0) + 1}
        self.listener(NotRecorded(kind, reason))


def _why(error: Exception) -> str:
    """A reason that quotes nothing of the request."""
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return str(error).split("\n", 1)[0][:200]
    return type(error).__name__


def _written(turn: RecordedTurn, appended: Appended) -> TurnWritten:
    usage, ttft_s = turn.answer.usage, turn.answer.ttft_s
    return TurnWritten(
        session_id=appended.session_id,
        turn=appended.turn,
        file=appended.path.name,
        api=str(turn.exchange.api),
        model=turn.model,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        ttft_ms=None if ttft_s is None else round(ttft_s * 1000.0, 3),
        latency_ms=round(turn.exchange.latency_ms, 3),
        boundary=turn.boundary,
        failure=turn.answer.failure,
    )
