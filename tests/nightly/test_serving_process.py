"""Who listens, and what its command line says."""

from __future__ import annotations

import os
import socket

from nightly_site import config

from autotune.nightly.journal import utc_now
from autotune.nightly.serving_process import ServingProcess, contradictions, serving_process


def process(*words: str) -> ServingProcess:
    return ServingProcess(pid=1, name="x", words=words, started_at=utc_now(), is_engine=True)


def test_the_listener_of_a_port_is_found() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert serving_process(f"http://127.0.0.1:{port}") is None
        server.listen()
        found = serving_process(f"http://localhost:{port}")
    assert found is not None
    assert found.pid == os.getpid()
    assert not found.is_engine
    assert found.started_at < utc_now()


def test_another_machine_is_not_looked_at() -> None:
    assert serving_process("http://192.0.2.1:8080") is None


def test_flags_that_agree_are_told_and_others_are_named() -> None:
    exported = config(512)
    assert contradictions(exported, process("llama-server", "--batch-size", "512")) == (
        frozenset({"batch-size"}),
        (),
    )
    assert contradictions(exported, process("llama-server", "--batch-size=512")) == (
        frozenset({"batch-size"}),
        (),
    )
    told, wrong = contradictions(exported, process("llama-server", "--batch-size", "2048"))
    assert told == frozenset()
    assert wrong == (("batch-size", "batch-size: its command line says 2048, exported was 512"),)


def test_the_last_of_a_flag_is_what_counts() -> None:
    words = ("llama-server", "--batch-size", "2048", "--batch-size", "512")
    assert contradictions(config(512), process(*words)) == (frozenset({"batch-size"}), ())


def test_what_is_not_on_the_command_line_says_nothing() -> None:
    assert contradictions(config(512), process("llama-server")) == (frozenset(), ())
    assert contradictions(config(512), None) == (frozenset(), ())
