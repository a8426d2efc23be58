"""Artefacts in a bucket of a real S3 server (moto's), in a process of its own.

Needs boto3 and moto: ``make test-scale``. The other tests of artefacts are in ``tests/team``.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from autotune.errors import AutotuneError, MachineError, UserError
from autotune.team.artefacts import open_artefacts

pytest.importorskip("boto3", reason="boto3 is not installed: make test-scale")
pytest.importorskip("moto.server", reason="moto is not installed: make test-scale")

pytestmark = pytest.mark.scale

WAIT_S = 120.0
KEYS = {"AWS_ACCESS_KEY_ID": "hushhush-key", "AWS_SECRET_ACCESS_KEY": "hushhush-secret"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class Server:
    """One S3 server; nothing of it outlives the test."""

    def __init__(self, **env: str) -> None:
        self.port = free_port()
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            env={**os.environ, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self.popen.poll() is None, "the S3 server ended"
                assert time.monotonic() < deadline, "the S3 server never answered"
                time.sleep(0.05)
            else:
                return

    @property
    def env(self) -> dict[str, str]:
        return {**KEYS, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}"}

    def client(self) -> Any:
        from boto3.session import Session

        session = Session("hushhush-key", "hushhush-secret", region_name="us-east-1")
        return session.client("s3", endpoint_url=self.env["AWS_ENDPOINT_URL_S3"])

    def stop(self) -> None:
        self.popen.kill()
        self.popen.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    made.client().create_bucket(Bucket="lab")
    yield made
    made.stop()


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(study_name="team")


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A place of this test's own in the bucket."""
    return f"s3://lab/{abs(hash(request.node.nodeid))}"


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_what_was_put_is_got_back_by_another_worker(
    server: Server, study: optuna.Study, prefix: str, tmp_path: Path
) -> None:
    kept = open_artefacts(prefix, study, server.env)
    kept.put(study, write(tmp_path / "a", b"hello"), "turns/w1/a.jsonl.gz")
    other = open_artefacts(prefix, study, server.env)
    assert other.names(study) == ["turns/w1/a.jsonl.gz"]
    other.get("turns/w1/a.jsonl.gz", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"hello"


def test_objects_lie_below_the_prefix(
    server: Server, study: optuna.Study, prefix: str, tmp_path: Path
) -> None:
    kept = open_artefacts(prefix, study, server.env)
    put = kept.put(study, write(tmp_path / "a", b"hello"), "a")
    below = prefix.removeprefix("s3://lab/")
    rows = server.client().list_objects_v2(Bucket="lab", Prefix=f"{below}/")["Contents"]
    assert f"{below}/{put}" in {row["Key"] for row in rows}


def test_a_large_log_goes_in_parts_and_comes_back_whole(
    server: Server, study: optuna.Study, prefix: str, tmp_path: Path
) -> None:
    data = random.Random(0).randbytes(20 << 20)
    kept = open_artefacts(prefix, study, server.env)
    kept.put(study, write(tmp_path / "a", data), "logs/w1/engine.log")
    kept.get("logs/w1/engine.log", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == data


def test_an_object_that_was_changed_or_taken_away_is_not_taken(
    server: Server, study: optuna.Study, prefix: str, tmp_path: Path
) -> None:
    kept = open_artefacts(prefix, study, server.env)
    put = kept.put(study, write(tmp_path / "a", b"hello"), "a")
    key = f"{prefix.removeprefix('s3://lab/')}/{put}"
    server.client().put_object(Bucket="lab", Key=key, Body=b"hallo")
    with pytest.raises(MachineError, match="not what was stored"):
        kept.get("a", tmp_path / "b")
    server.client().delete_object(Bucket="lab", Key=key)
    with pytest.raises(MachineError, match="is gone from"):
        kept.get("a", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_another_place_than_the_studys_is_refused(
    server: Server, study: optuna.Study, prefix: str
) -> None:
    open_artefacts(prefix, study, server.env)
    with pytest.raises(UserError, match="is not where the artefacts"):
        open_artefacts(f"{prefix}/other", study, server.env)


def refused(act: Callable[[], object]) -> AutotuneError:
    """What `act` is refused with: two lines, and no secret in them."""
    with pytest.raises(AutotuneError) as caught:
        act()
    error = caught.value
    assert error.hint
    assert "\n" not in error.message + error.hint
    assert "hushhush" not in error.message + error.hint
    return error


def test_a_bucket_that_is_not_there_is_named(server: Server, study: optuna.Study) -> None:
    error = refused(lambda: open_artefacts("s3://no-such-lab/a", study, server.env))
    assert error.message == "there is no bucket no-such-lab"


def test_keys_that_do_not_open_it_are_told_without_them(study: optuna.Study) -> None:
    server = Server(INITIAL_NO_AUTH_ACTION_COUNT="1")
    try:
        server.client().create_bucket(Bucket="lab")
        error = refused(lambda: open_artefacts("s3://lab/a", study, server.env))
    finally:
        server.stop()
    assert "refuses the keys of the environment" in error.message


def test_a_server_that_went_away_costs_no_artefact_that_was_there(
    study: optuna.Study, tmp_path: Path
) -> None:
    server = Server()
    server.client().create_bucket(Bucket="lab")
    kept = open_artefacts("s3://lab/a", study, server.env)
    kept.put(study, write(tmp_path / "a", b"hello"), "a")
    server.stop()
    error = refused(lambda: kept.put(study, write(tmp_path / "b", b"other"), "b"))
    assert "does not answer" in error.message
    refused(lambda: kept.get("a", tmp_path / "c"))
    assert kept.names(study) == ["a"]
    assert not (tmp_path / "c").exists()
