"""The deadline that moves."""

from __future__ import annotations

import threading
import time

from autotune.replay.watchdog import Watchdog


def test_a_deadline_that_is_moved_forward_is_noticed() -> None:
    expired = threading.Event()
    with Watchdog(time.perf_counter() + 600, expired.set) as watchdog:
        watchdog.deadline_s = time.perf_counter()
        assert expired.wait(timeout=30)
    assert watchdog.expired


def test_a_block_that_ends_in_time_expires_nothing() -> None:
    expired = threading.Event()
    with Watchdog(time.perf_counter() + 600, expired.set) as watchdog:
        pass
    assert not watchdog.expired
    assert not expired.is_set()
