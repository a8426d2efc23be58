"""A running recording in front of a fake upstream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_upstream import FakeUpstream
from running_proxy import WAIT_S, Proxy

from autotune.recording.app import Recording, RecordingOptions
from autotune.recording.files import Per
from autotune.recording.listen import bound_socket
from autotune.recording.upstream import parse_upstream


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[..., Proxy]]:
    """``proxy(upstream_url, per=..., limit_bytes=..., grace_s=...)``: a running proxy."""
    with ExitStack() as stack:

        def start(url: str, **options: Any) -> Proxy:
            folder = options.pop("folder", tmp_path / "captures")
            grace_s = options.pop("grace_s", 5.0)
            given = {"per": Per.SESSION, "limit_bytes": 10**9, **options}
            listener = stack.enter_context(bound_socket("127.0.0.1", 0, allow_remote=False))
            made = RecordingOptions(parse_upstream(url), folder, **given)
            running = Proxy(Recording(made, listener, grace_s), folder).start()
            stack.callback(running.stop)
            return running

        yield start


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=WAIT_S, headers={"accept-encoding": "identity"}) as made:
        yield made
