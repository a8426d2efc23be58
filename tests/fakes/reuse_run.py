"""Small sessions on a running engine, and what is found of their prefix reuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.launchers.protocol import Launcher
from autotune.records import TurnRecord
from autotune.replay.plan import History, Order
from autotune.replay.planning import make_plan
from autotune.trial.real import RealMeasurer
from autotune.trial.reuse_trace import ReuseTrace
from autotune.workload.filler import filler
from autotune.workload.load import workload_of
from autotune.workload.model import Boundary, Message, Session, Turn

REPLY_TOKENS = 8


@dataclass(frozen=True)
class Found:
    """Rows of ``reuse.jsonl`` by session and turn, the summary, the records, the engine's log."""

    rows: dict[tuple[str, int], dict[str, Any]]
    summary: Mapping[str, Any]
    records: tuple[TurnRecord, ...]
    log: str

    def causes(self) -> dict[str, int]:
        """Tokens lost by cause."""
        return {row["cause"]: row["tokens"] for row in self.summary["causes"]}


def user(seed: str, words: int) -> Message:
    """A message of about `words` tokens that only `seed` has."""
    return {"role": "user", "content": filler(seed, words)}


def system(seed: str, words: int) -> Message:
    """A system prompt of about `words` tokens."""
    return {"role": "system", "content": filler(seed, words)}


def reply(seed: str) -> Message:
    """A recorded reply."""
    return {"role": "assistant", "content": filler(seed, REPLY_TOKENS)}


def session(
    name: str,
    words: Sequence[int],
    *,
    head: str | None = None,
    head_words: int = 40,
    begins_ms: float = 0.0,
) -> Session:
    """Each turn adds a message of so many words; turns are 1000 ms apart."""
    messages: list[Message] = [system(head or name, head_words)]
    turns = []
    for at, count in enumerate(words):
        messages.append(user(f"{name}/{at}", count))
        turns.append(turn(name, at, messages, timestamp_ms=begins_ms + 1000.0 * at))
        messages.append(reply(f"{name}/{at}"))
    return Session(name, tuple(turns))


def turn(name: str, at: int, messages: Sequence[Message], **fields: Any) -> Turn:
    """One turn with the prompt as it stands."""
    return Turn(name, at, tuple(messages), output_tokens=REPLY_TOKENS, **fields)


def edited(name: str, words: int, keep: int) -> Session:
    """Two turns; a third that keeps the first `keep` messages and has another one behind them."""
    whole = session(name, (words, words))
    kept = whole.turns[-1].messages[:keep]
    last = turn(
        name, 2, [*kept, user(f"{name}/after", words)], timestamp_ms=2000.0,
        boundary=Boundary.COMPACTION,
    )  # fmt: skip
    return Session(name, (*whole.turns, last))


def explained(
    launcher: Launcher,
    model: Path,
    folder: Path,
    sessions: Sequence[Session],
    settings: Mapping[str, Setting],
    *,
    history: History = History.CLOSED_LOOP,
    start_timeout_s: float = 120.0,
) -> Found:
    """Replay `sessions` on an engine with `settings`, and explain their reuse."""
    rows: list[Mapping[str, Any]] = []
    plan = make_plan(
        workload_of(sessions), history=history, order=Order.INTERLEAVED, concurrency=1,
        max_output_tokens=REPLY_TOKENS, default_output_tokens=REPLY_TOKENS,
    )  # fmt: skip
    launcher.detect()
    measurer = RealMeasurer(
        launcher=launcher,
        model=model,
        logs_dir=folder / "logs",
        work_dir=folder / "work",
        seed=0,
        start_timeout_s=start_timeout_s,
        afterwards=(ReuseTrace(rows.append),),
    )
    result = measurer.measure(
        Candidate(dict(settings)), plan, arm="a", block=0, sink=lambda _: None
    )
    assert result.failure is None, result.failure
    assert result.log_path is not None
    log = result.log_path.read_text(encoding="utf-8", errors="replace")
    return Found(dict(_by_turn(rows)), result.extras["reuse"], result.records, log)


def _by_turn(
    rows: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    for row in rows:
        if "summary" not in row:
            yield (row["session_id"], row["turn"]), dict(row)
