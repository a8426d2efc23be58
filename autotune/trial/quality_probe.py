"""One engine asked at every position; two engines' answers laid side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.scoring.divergence import FARTHEST, TopK, divergence, same_top
from autotune.scoring.quality import POSITIONS, CallOutcome, Compared
from autotune.trial.next_token import Asker, Tokens
from autotune.trial.quality_places import START, Call, Place, calls, chosen, places, spread
from autotune.trial.quality_walks import Walk
from autotune.trial.tool_calls import outcome
from autotune.workload.model import Message

CALLS = 8
CALL_TOKENS = 256
"""A call is given half as many tokens again as were recorded, at most so many."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The distribution of one position; empty where the engine gave no number."""

    walk: str
    session_id: str
    place: Place
    top: TopK

    @property
    def key(self) -> tuple[str, int]:
        """What the same position of another engine is found by."""
        return self.walk, self.place.at


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A recorded call as the engine would have written it, from its first brace on."""

    walk: str
    at: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything one engine said. `cut_short` when the time was up before the last position."""

    rows: tuple[Answer, ...]
    calls: tuple[WrittenCall, ...] = ()
    seconds: float = 0.0
    cut_short: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data for the study's folder."""
        rows = [
            [r.walk, r.session_id, r.place.at, r.place.reply, r.place.kind, dict(r.top)]
            for r in self.rows
        ]
        written = [[c.walk, c.at, c.name, c.text] for c in self.calls]
        return {
            "rows": rows, "calls": written, "seconds": self.seconds, "cut_short": self.cut_short,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answers:
        """The answers back from `to_json`."""
        rows = (
            Answer(w, s, Place(at, reply, kind), top) for w, s, at, reply, kind, top in data["rows"]
        )
        written = (WrittenCall(*row) for row in data["calls"])
        return cls(tuple(rows), tuple(written), data["seconds"], data["cut_short"])


@dataclass(slots=True)
class Probe:
    """Asks one engine. Positions and calls are the same for every engine by `seed`.

    `limit_s` ends the asking wherever it is; a walk's positions are asked from its start to its
    end, so that each finds the one before it in the cache.
    """

    asker: Asker
    walks: Sequence[Walk]
    seed: int = 0
    positions: int = POSITIONS
    calls: int = CALLS
    limit_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    _started: float = field(init=False)

    def run(self) -> Answers:
        """Every answer, and every call written again."""
        self._started = self.clock()
        rows: list[Answer] = []
        written: list[WrittenCall] = []
        for walk, wanted, wanted_calls in self._shares():
            prompt = self._tokens(walk)
            if prompt is None:
                rows += self._firsts(walk, wanted)
                continue
            tokens, messages = prompt
            rows += self._positions(walk, tokens, messages, wanted)
            written += self._calls(walk, tokens, messages, wanted_calls)
        seconds = self.clock() - self._started
        return Answers(tuple(rows), tuple(written), seconds, self._is_over())

    def _shares(self) -> Iterator[tuple[Walk, int, int]]:
        """Walks with the positions and the calls that each is asked at."""
        count = len(self.walks)
        for at, walk in enumerate(self.walks):
            yield walk, _part(self.positions, at, count), _part(self.calls, at, count)

    def _tokens(self, walk: Walk) -> tuple[Tokens, Sequence[Message]] | None:
        for messages in (walk.whole, walk.plain):
            tokens = self.asker.tokens(messages, walk.tools)
            if tokens is not None:
                return tokens, messages
        return None

    def _positions(
        self, walk: Walk, tokens: Tokens, messages: Sequence[Message], wanted: int
    ) -> Iterator[Answer]:
        for place in chosen(places(tokens, messages), wanted, f"places/{self.seed}/{walk.key}"):
            if self._is_over():
                return
            top = self.asker.after(tokens.ids[: place.at]) or {}
            yield Answer(walk.key, walk.session_id, place, top)

    def _firsts(self, walk: Walk, wanted: int) -> Iterator[Answer]:
        """Where a prompt cannot be cut: the first token of each reply."""
        import random

        replies = [at for at, m in enumerate(walk.whole) if at and m.get("role") == "assistant"]
        rng = random.Random(f"firsts/{self.seed}/{walk.key}")
        for at in spread(replies, wanted, rng):
            if self._is_over():
                return
            top = self.asker.first(walk.whole[:at], walk.tools) or {}
            yield Answer(walk.key, walk.session_id, Place(at, at, START), top)

    def _calls(
        self, walk: Walk, tokens: Tokens, messages: Sequence[Message], wanted: int
    ) -> Iterator[WrittenCall]:
        import random

        rng = random.Random(f"calls/{self.seed}/{walk.key}")
        for call in spread(calls(tokens, messages), wanted, rng):
            if self._is_over():
                return
            text = self._written(tokens, call)
            if text is not None:
                yield WrittenCall(walk.key, call.at, call.name, text)

    def _written(self, tokens: Tokens, call: Call) -> str | None:
        """The call's first token as it was recorded, then what the engine makes of it."""
        begun = tokens.pieces[call.at].decode(errors="replace")
        begun = begun[max(0, begun.find("{")) :]
        length = min(CALL_TOKENS, call.tokens + call.tokens // 2 + 8)
        text = self.asker.written(tokens.ids[: call.at + 1], length)
        return None if text is None else begun + text

    def _is_over(self) -> bool:
        return self.limit_s is not None and self.clock() - self._started > self.limit_s


def _part(total: int, at: int, count: int) -> int:
    """How many of `total` fall to number `at` of `count`."""
    return (at + 1) * total // count - at * total // count


def compare_answers(reference: Answers, candidate: Answers) -> list[Compared]:
    """Positions that both were asked at.

    Where the candidate gave no number although the reference did, it is as far away as can be.
    """
    known = {row.key: row.top for row in candidate.rows}
    return [
        Compared(
            session_id=row.session_id,
            reply=f"{row.walk}/{row.place.reply}",
            at=row.place.at,
            place=row.place.kind,
            kl=divergence(row.top, top) if (top := known[row.key]) else FARTHEST,
            same_top=bool(top) and same_top(row.top, top),
        )
        for row in reference.rows
        if row.top and row.key in known
    ]


def compare_calls(
    reference: Answers, candidate: Answers, walks: Sequence[Walk]
) -> list[CallOutcome]:
    """What became of each call that the reference settings made soundly."""
    tools = {walk.key: walk.definitions for walk in walks}
    written = {(call.walk, call.at): call.text for call in candidate.calls}
    found = (
        outcome(call.text, written[call.walk, call.at], call.name, tools.get(call.walk, ()))
        for call in reference.calls
        if (call.walk, call.at) in written
    )
    return [one for one in found if one is not None]
