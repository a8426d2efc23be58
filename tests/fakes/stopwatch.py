"""Times that a busy machine does not touch, on a fake engine that is started and asked for real."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.launchers.in_house import InHouseLauncher
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.trial.measurement import Measurement, RecordSink
from autotune.trial.real import RealMeasurer


@contextmanager
def nominal_times() -> Iterator[None]:
    """While it lasts, a turn takes what the fake engine's manifest says that it takes.

    A computed token of the prompt ``--prefill-us``, at a batch of 512, and a token of the reply
    ``--token-us``; give or take 0.5%, by turn and arm. What others do to the machine is not seen.
    For tests of who wins: a shared machine makes a turn of a tenth of a second last a second.
    """
    measure = RealMeasurer.measure

    def steady(
        self: RealMeasurer, candidate: Candidate, plan: ReplayPlan, *, sink: RecordSink, **rest: Any
    ) -> Measurement:
        times = _Times.of(self, candidate)
        found = measure(self, candidate, plan, sink=lambda r: sink(times.on(r)), **rest)
        records = tuple(times.on(r) for r in found.records)
        telemetry = {**found.telemetry, "contaminated": False, "reasons": []}
        return replace(found, records=records, telemetry=telemetry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RealMeasurer, "measure", steady)
        yield


class _Times:
    """What a token takes, in microseconds."""

    def __init__(self, prefill_us: float, token_us: float) -> None:
        self.prefill_us, self.token_us = prefill_us, max(1.0, token_us)

    @classmethod
    def of(cls, measurer: RealMeasurer, candidate: Candidate) -> _Times:
        launcher = measurer.launcher
        assert isinstance(launcher, InHouseLauncher)
        words = (word.partition("=") for word in launcher.manifest.command.argv)
        told = {name: float(value) for name, _, value in words if name in _FLAGS}
        batch = float(candidate.settings.get("ubatch-size", 512))
        return cls(told["--prefill-us"] * 512 / batch, told["--token-us"])

    def on(self, record: TurnRecord) -> TurnRecord:
        """`record` with these times; one that failed has none."""
        if not record.ok or record.computed_tokens is None or record.output_tokens is None:
            return record
        turn = f"{record.arm} {record.block} {record.order}"
        luck = 1 + (zlib.crc32(turn.encode()) % 101 - 50) / 10_000
        ttft_s = (0.001 + record.computed_tokens * self.prefill_us * 1e-6) * luck
        decode_s = (record.output_tokens - 1) * self.token_us * 1e-6
        return replace(
            record,
            ttft_s=ttft_s,
            decode_tps=None if record.decode_tps is None else 1e6 / self.token_us,
            wall_s=ttft_s + decode_s,
            mark=None,
            machine=None,
        )


_FLAGS = ("--prefill-us", "--token-us")
