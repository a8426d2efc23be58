"""From a folder of any size to the sessions that the budget has time to replay."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.models.metadata import ModelInfo
from autotune.workload.load import CaptureStream, LoadedSession, load_workload, loaded_workload
from autotune.workload.model import Workload
from autotune.workload.sample import Likeness, likeness, sampling_order, take
from autotune.workload.summary import SessionSummary, summarize

IN_MEMORY_BYTES = 64 * 1024 * 1024
"""Captures up to this size on disk are read once; of larger ones the sample is read again."""

TRIALS_WANTED = 20
"""A search worth its name; half of the sample is searched on, half is held out."""

TURN_OVERHEAD_S = 0.05


@dataclass(frozen=True, slots=True)
class Expected:
    """Speeds that a model may reach, to within a factor of three: enough to choose a sample by.

    Decoding reads every weight once a token; prefill does two operations a weight and token.
    """

    prefill_tps: float
    decode_tps: float

    @classmethod
    def of(cls, model: ModelInfo, *, gpu: bool) -> Expected:
        """By memory traffic and arithmetic of an ordinary desktop processor or graphics card."""
        bytes_a_second, operations_a_second = (500e9, 30e12) if gpu else (20e9, 100e9)
        params = model.n_params or _usual_params(model)
        return cls(
            prefill_tps=operations_a_second / (2.0 * max(1, params)),
            decode_tps=bytes_a_second / max(1, model.weights_bytes or params * _USUAL_BYTES),
        )

    def seconds(self, session: SessionSummary) -> float:
        """One replay of `session` with a warm cache."""
        prefill_s = session.new_tokens / self.prefill_tps
        return prefill_s + session.output_tokens / self.decode_tps + session.turns * TURN_OVERHEAD_S


_USUAL_BYTES = 2


def _usual_params(model: ModelInfo) -> int:
    """What a dense decoder of this depth and width has: twelve squares of its width a layer."""
    return 12 * model.n_layers * model.n_embd**2 + (model.n_vocab or 0) * model.n_embd


@dataclass(frozen=True, slots=True)
class Sampled:
    """A workload that is part of a larger one. `ids` is ``None`` when it is all of it."""

    workload: Workload
    whole_sessions: int
    ids: tuple[str, ...] | None = None
    rows: tuple[Likeness, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was drawn, and how well it stands for the whole; empty when nothing was."""
        if self.ids is None or not self.rows:
            return ()
        alike = "; ".join(_row_text(row) for row in self.rows)
        return (
            f"{len(self.ids)} of {self.whole_sessions} sessions are replayed (--sample all takes "
            "every one)",
            f"sample against all of them: {alike}",
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``sample.json``."""
        rows = [asdict(row) for row in self.rows]
        return {"sessions": self.ids, "whole_sessions": self.whole_sessions, "likeness": rows}


def _row_text(row: Likeness) -> str:
    return f"{row.name} {_figure(row.sample)} of {_figure(row.whole)}"


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value > 1 else f"{value:.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleWish:
    """How much is wanted: `limit_s` seconds of one whole replay, `most` sessions, or these `ids`.

    ``None`` everywhere takes everything.
    """

    limit_s: float | None = None
    most: int | None = None
    ids: tuple[str, ...] | None = None
    seed: int = 0


def sample_limit_s(budget_s: float | None) -> float | None:
    """Seconds of one replay of search and held-out sessions together, for `TRIALS_WANTED`."""
    return None if budget_s is None else 2 * budget_s / TRIALS_WANTED


def load_sample(path: Path, expected: Expected, wish: SampleWish) -> Sampled:
    """The sessions of the captures at `path` that `wish` has room for.

    Memory is bounded by the sample, and by `IN_MEMORY_BYTES` of captures. Raises `UserError` when
    nothing can be read, or when sessions that a study was measured on are gone.
    """
    if wish.ids is not None:
        loaded, stream = _read(path, frozenset(wish.ids))
        if len(loaded) < len(wish.ids):
            raise UserError(
                f"{len(wish.ids) - len(loaded)} of {len(wish.ids)} sessions that the study was "
                f"measured on are not in {path}",
                "name another study with --study, or add --new-study to begin a fresh one",
            )
        return Sampled(loaded_workload(loaded, stream.ledger), len(loaded), wish.ids)
    if wish.limit_s is None and wish.most is None:
        workload = load_workload(path)
        return Sampled(workload, len(workload.sessions))
    first = _FirstPass()
    stream = CaptureStream(path)
    for item in stream:
        first.add(item)
    ids = _chosen(first.summaries, expected, wish)
    if len(ids) == len(first.summaries):
        whole = first.kept if first.kept is not None else _read(path, None)[0]
        return Sampled(loaded_workload(whole, stream.ledger), len(first.summaries))
    kept = first.kept
    if kept is None:
        kept, _ = _read(path, frozenset(ids))
    named = frozenset(ids)
    rows = likeness(first.summaries, [s for s in first.summaries if s.session_id in named])
    part = [item for item in kept if item.session.session_id in named]
    return Sampled(loaded_workload(part, stream.ledger), len(first.summaries), ids, rows)


def _chosen(
    summaries: Sequence[SessionSummary], expected: Expected, wish: SampleWish
) -> tuple[str, ...]:
    """The sessions to take, in the order of the sample; the last unit is cut at `wish.most`."""
    chosen = sampling_order(summaries, wish.seed)
    if wish.limit_s is not None:
        seconds = {s.session_id: expected.seconds(s) for s in summaries}
        chosen = take(chosen, seconds, wish.limit_s)
    return tuple(name for unit in chosen for name in unit.ids)[: wish.most]


@dataclass(slots=True)
class _FirstPass:
    """Summaries of every session, and the sessions themselves while they are small together."""

    summaries: list[SessionSummary] = field(default_factory=list)
    kept: list[LoadedSession] | None = field(default_factory=list)
    _bytes: int = 0
    _files: set[Path] = field(default_factory=set)

    def add(self, item: LoadedSession) -> None:
        self.summaries.append(summarize(item.session))
        path = item.found.file.path
        if path not in self._files:
            self._files.add(path)
            self._bytes += path.stat().st_size
        if self._bytes > IN_MEMORY_BYTES:
            self.kept = None
        if self.kept is not None:
            self.kept.append(item)


def _read(path: Path, ids: Collection[str] | None) -> tuple[list[LoadedSession], CaptureStream]:
    stream = CaptureStream(path)
    return [i for i in stream if ids is None or i.session.session_id in ids], stream


def stored_ids(sample: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """The sessions that a study was begun with; ``None`` when it took all there were."""
    ids = None if sample is None else sample.get("sessions")
    return None if ids is None else tuple(str(name) for name in ids)
