"""Whether a config that was filled turn by turn held: how deep, what was left, what grew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import floor
from typing import Any

from autotune.models.bounded import Caches
from autotune.models.estimate import MIB, size_text
from autotune.records import TurnMachine, TurnRecord
from autotune.scoring.growth import Growth, GrowthKind, Look, growth_of

GPU, HOST = "gpu", "host"
_OVERFLOW = "context-overflow"
_NEAR = 0.99
"""Of the wanted depth: filler cannot be cut to the token."""

_ORDER = tuple(GrowthKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What filling a config showed. Tokens are prompt tokens; absent is ``None``.

    Attributes:
        to_tokens: the deepest prompt that was answered; 0 when none was.
        deepest_tokens, wanted_tokens: the workload's deepest turn, and that with the headroom.
        context_tokens: of one slot.
        sessions, turns: that were answered to their end, and turns in all, on one server.
        free_bytes_at_deepest, free_where: the least that was free during the deepest turn, of the
            ``gpu``'s memory or the ``host``'s.
        growth: after the first fill; ``None`` where there were too few turns to tell.
        failure, message: the kind of failure that ended it, and one line about it.
        failed_at_tokens: how deep the turn was to be that failed.
    """

    to_tokens: int
    deepest_tokens: int
    wanted_tokens: int
    context_tokens: int | None
    sessions: int
    turns: int
    free_bytes_at_deepest: int | None = None
    free_where: str | None = None
    growth: Growth | None = None
    failure: str | None = None
    message: str | None = None
    failed_at_tokens: int | None = None

    @property
    def holds(self) -> bool:
        """Whether it may be recommended."""
        return self.failure is None and not self.leaks

    @property
    def leaks(self) -> bool:
        """Whether memory would run out while it serves."""
        return self.growth is not None and self.growth.kind is GrowthKind.LEAK

    @property
    def has_headroom(self) -> bool:
        """Whether it was filled as deep as wanted."""
        return self.to_tokens >= _NEAR * self.wanted_tokens

    @property
    def sentence(self) -> str:
        """In words: ``held to 183,204 tokens over 4 sessions, 1.2 GiB free``."""
        if self.failure is not None:
            return _failed(self)
        if self.leaks:
            return f"{_leaks(self.growth)}; {_held(self)}"
        return "; ".join([_held(self), *_remarks(self)])

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the verdict and its words."""
        return {**asdict(self), "holds": self.holds, "sentence": self.sentence}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Held:
        """Back from `to_json`."""
        body = {k: v for k, v in data.items() if k not in ("holds", "sentence")}
        if (grown := body.get("growth")) is not None:
            body["growth"] = Growth(**{**grown, "kind": GrowthKind(grown["kind"])})
        return cls(**body)


def held(
    records: Sequence[TurnRecord],
    *,
    expected: Mapping[tuple[int, int], int],
    deepest_tokens: int,
    wanted_tokens: int,
    context_tokens: int | None = None,
    caches: Caches | None = None,
    failure: tuple[str, str] | None = None,
) -> Held:
    """What `records` of one server show, in the order of their turns; the block is the round.

    `expected` says how deep the turn of a block and order was to be, for those that no engine
    counted. `failure` is a kind and a line, for what ended it. A prompt that was refused beyond
    the workload's deepest turn is the end of the context and no failure.
    """
    good = [record for record in records if record.ok]
    depths = [_depth(record, expected) for record in good]
    deepest = max(zip(depths, good, strict=True), key=lambda row: row[0], default=None)
    free, where = _free(deepest[1].machine if deepest else None)
    broke = [r for r in records if _is_failure(r, expected, deepest_tokens)]
    return Held(
        to_tokens=deepest[0] if deepest else 0,
        deepest_tokens=deepest_tokens,
        wanted_tokens=wanted_tokens,
        context_tokens=context_tokens,
        sessions=_sessions(records),
        turns=len(good),
        free_bytes_at_deepest=free,
        free_where=where,
        growth=None if failure else _growth(good, depths, caches),
        failure=failure[0] if failure else None,
        message=failure[1] if failure else None,
        failed_at_tokens=_depth(broke[0], expected) if failure and broke else None,
    )


def _depth(record: TurnRecord, expected: Mapping[tuple[int, int], int]) -> int:
    if record.depth_tokens is not None:
        return record.depth_tokens
    return expected.get((record.block, record.order), 0)


def _is_failure(
    record: TurnRecord, expected: Mapping[tuple[int, int], int], deepest_tokens: int
) -> bool:
    ended = record.failure == _OVERFLOW and _depth(record, expected) > deepest_tokens
    return not record.ok and not ended


def _sessions(records: Sequence[TurnRecord]) -> int:
    """Sessions of a round of which every turn was answered; the first fill is one."""
    sessions = {(r.block, r.session_id) for r in records}
    broken = {(r.block, r.session_id) for r in records if not r.ok and r.failure != _OVERFLOW}
    return len(sessions - broken)


def _free(machine: TurnMachine | None) -> tuple[int | None, str | None]:
    """What was free, of the GPU where it tells, else of the host."""
    if machine is None:
        return None, None
    if machine.vram_free_min_bytes is not None:
        return machine.vram_free_min_bytes, GPU
    free = machine.host_free_min_bytes
    return free, None if free is None else HOST


def _growth(
    good: Sequence[TurnRecord], depths: Sequence[int], caches: Caches | None
) -> Growth | None:
    """The worse of the GPU's and the host's; a GPU's memory has no cache that grows by itself."""
    vram = [r.machine.vram_peak_bytes if r.machine else None for r in good]
    rss = [r.machine.rss_peak_bytes if r.machine else None for r in good]
    last = good[-1].machine if good else None
    found = [
        _series(good, depths, vram, GPU, last.vram_free_min_bytes if last else None, Caches()),
        _series(good, depths, rss, HOST, last.host_free_min_bytes if last else None, caches),
    ]
    return max(
        (growth for growth in found if growth is not None),
        key=lambda growth: _ORDER.index(growth.kind),
        default=None,
    )


def _series(
    good: Sequence[TurnRecord],
    depths: Sequence[int],
    held_bytes: Sequence[int | None],
    where: str,
    free: int | None,
    caches: Caches | None,
) -> Growth | None:
    looks = [
        Look(at, record.block, depth, n_bytes)
        for at, (record, depth, n_bytes) in enumerate(zip(good, depths, held_bytes, strict=True))
        if n_bytes is not None
    ]
    return growth_of(looks, where=where, free_bytes=free, caches=caches)


def _held(one: Held) -> str:
    sessions = f"{one.sessions} session{'' if one.sessions == 1 else 's'}"
    free = "" if one.free_bytes_at_deepest is None else f", {_size(one.free_bytes_at_deepest)} free"
    return f"held to {one.to_tokens:,} tokens over {sessions}{free}"


def _failed(one: Held) -> str:
    kind = (one.failure or "").replace("-", " ")
    if one.failed_at_tokens is None:
        return f"did not start: {kind}"
    after = f" after {one.sessions} sessions" if one.sessions > 1 else ""
    return f"failed at {one.failed_at_tokens:,} tokens{after}: {kind}"


def _leaks(growth: Growth | None) -> str:
    assert growth is not None
    left = _left(growth)
    return f"leaks {_size(growth.bytes_per_turn)} a turn{left and ': '}{left}"


def _remarks(one: Held) -> list[str]:
    """What is to be said of one that holds."""
    said = []
    if not one.has_headroom:
        room = "" if one.context_tokens is None else f" of {one.context_tokens:,} tokens"
        said.append(
            f"its context{room} ends before the headroom does ({one.wanted_tokens:,} tokens)"
        )
    if one.growth is None:
        said.append("too few turns to tell whether memory grows")
    elif one.growth.kind is GrowthKind.BOUNDED:
        limit = one.growth.limit_bytes
        most = "" if limit is None else f", {_size(limit)} at most"
        said.append(f"{one.growth.cause} grew by {_size(one.growth.total_bytes)}{most}")
    elif one.growth.kind is GrowthKind.GROWS:
        said.append(_grows(one.growth))
    return said


def _grows(growth: Growth) -> str:
    left = _left(growth)
    memory = "GPU memory" if growth.where == GPU else "host memory"
    return f"{memory} grows by {_size(growth.bytes_per_turn)} a turn{left and ', '}{left}"


def _left(growth: Growth) -> str:
    """When memory is out; empty where that is not known."""
    if growth.turns_left is None:
        return ""
    return f"full after about {_rounded(growth.turns_left)} turns"


def _rounded(turns: int) -> str:
    """Two digits are all that such a forecast has."""
    digits = max(0, len(str(turns)) - 2)
    return f"{floor(turns / 10**digits) * 10**digits:,}"


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1024:.0f} KiB" if n_bytes < MIB else size_text(int(n_bytes))
