"""Signals while a command runs: heard as asked, and the handlers that were there come back."""

from __future__ import annotations

import signal
from threading import Event

import pytest

from autotune.cli.signals import on_stop_signals, stop_on_signals
from autotune.report.shown import Silence


class Noticing(Silence):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[bool] = []

    def stopping(self, at_once: bool = False) -> None:
        self.told.append(at_once)


def test_every_signal_is_told_and_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    told: list[int] = []
    with on_stop_signals(told.append):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert told == [signal.SIGTERM, signal.SIGINT, signal.SIGTERM]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), on_stop_signals(lambda number: None):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_signals_stop_politely_first() -> None:
    stop, display = Event(), Noticing()
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signals(stop, display):
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_set()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert display.told == [False, True]
    assert signal.getsignal(signal.SIGINT) is before
