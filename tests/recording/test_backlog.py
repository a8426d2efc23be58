from __future__ import annotations

from autotune.recording.apis import Api
from autotune.recording.backlog import Backlog
from autotune.recording.exchange import Exchange


def exchange(size: int, started_s: float = 0.0) -> Exchange:
    return Exchange(Api.CHAT, 0.0, started_s, 1.0, b"x" * size)


def test_it_holds_so_many_and_no_more() -> None:
    backlog = Backlog(max_exchanges=2, max_bytes=100)
    assert backlog.offer(exchange(1, 1.0))
    assert backlog.offer(exchange(1, 2.0))
    assert not backlog.offer(exchange(1, 3.0))
    first = backlog.take(0.0)
    assert first is not None
    assert first.started_s == 1.0
    assert backlog.offer(exchange(1, 4.0))


def test_it_holds_so_many_bytes_and_no_more() -> None:
    backlog = Backlog(max_exchanges=9, max_bytes=100)
    assert backlog.offer(exchange(60))
    assert not backlog.offer(exchange(41))
    assert backlog.offer(exchange(40))
    backlog.take(0.0)
    assert backlog.offer(exchange(60))


def test_closed_it_takes_nothing_in_and_gives_what_it_has() -> None:
    backlog = Backlog()
    assert backlog.take(0.0) is None
    backlog.offer(exchange(1))
    backlog.close()
    assert not backlog.offer(exchange(1))
    assert not backlog.done
    assert backlog.take(0.0) is not None
    assert backlog.done
    assert backlog.take(10.0) is None  # at once
