"""Where a cluster answers: this host unless said otherwise, and never with a secret in it."""

from __future__ import annotations

import socket

import pytest

from autotune.errors import MachineError, UserError
from autotune.team.ray_address import check_answers, ray_address


def test_flag_then_environment_then_this_host() -> None:
    env = {"RAY_ADDRESS": "10.0.0.1:6379"}
    assert ray_address("head:7000", env) == "head:7000"
    assert ray_address(None, env) == "10.0.0.1:6379"
    assert ray_address(None, {}) == "127.0.0.1:6379"
    assert ray_address("[::1]:6379", {}) == "[::1]:6379"


@pytest.mark.parametrize(
    "address",
    [
        "auto",
        "ray://host:10001",
        "user:hushhush@host:6379",
        "host",
        "host:port",
        "host:6379/?t=hushhush",
    ],
)
def test_anything_else_is_refused_and_not_repeated(address: str) -> None:
    for asked, env in ((address, {}), (None, {"RAY_ADDRESS": address})):
        with pytest.raises(UserError, match="HOST:PORT") as caught:
            ray_address(asked, env)
        assert "hushhush" not in caught.value.message + caught.value.hint


def test_what_listens_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_answers(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    "address", ["127.0.0.1:{free}", "no-such-host.invalid:6379", "127.0.0.1:99999"]
)
def test_what_does_not_is_told_with_what_to_start(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    with pytest.raises(MachineError, match="no Ray cluster answers") as caught:
        check_answers(address.format(free=free))
    assert "ray start --head" in caught.value.hint
