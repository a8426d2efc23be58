"""Where a turn goes the moment it ends: onto the disk, and to whoever watches."""

from __future__ import annotations

from autotune.records import TurnRecord
from autotune.search.events import Listener, TurnDone
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import RecordSink


def turn_sink(log: TurnLog, listener: Listener, total: int) -> RecordSink:
    """A sink for one measurement of `total` turns; it counts them for the listener."""
    done = 0

    def take(record: TurnRecord) -> None:
        nonlocal done
        done += 1
        log.append(record)
        listener(TurnDone(done, total, record.ttft_s, record.decode_tps))

    return take
