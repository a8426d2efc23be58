from __future__ import annotations

import pytest

from autotune.errors import MachineError, UserError
from autotune.recording.listen import bound_socket, refuse_loop, url_of
from autotune.recording.upstream import parse_upstream


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost"])
def test_loopback_is_free_for_all(host: str) -> None:
    with bound_socket(host, 0, allow_remote=False) as listener:
        assert url_of(listener).startswith("http://")


def test_other_addresses_need_to_be_asked_for() -> None:
    with pytest.raises(UserError, match="other machines") as error:
        bound_socket("0.0.0.0", 0, allow_remote=False)
    assert "--allow-remote" in error.value.hint
    with bound_socket("0.0.0.0", 0, allow_remote=True) as listener:
        assert listener.getsockname()[1] > 0


def test_a_port_that_is_taken_and_an_address_of_another_machine() -> None:
    with bound_socket("127.0.0.1", 0, allow_remote=False) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(MachineError, match=f"port {port} of 127.0.0.1 is taken"):
            bound_socket("127.0.0.1", port, allow_remote=False)
    with pytest.raises(UserError, match="no address of this machine"):
        bound_socket("192.0.2.1", 0, allow_remote=True)
    with pytest.raises(UserError, match="is no address"):
        bound_socket("no such host", 0, allow_remote=True)


def test_the_proxy_is_not_its_own_upstream() -> None:
    with bound_socket("127.0.0.1", 0, allow_remote=False) as listener:
        port = listener.getsockname()[1]
        for name in ("127.0.0.1", "localhost"):
            with pytest.raises(UserError, match="own address"):
                refuse_loop(listener, parse_upstream(f"http://{name}:{port}/v1"))
        refuse_loop(listener, parse_upstream(f"http://127.0.0.1:{port - 1}"))
        refuse_loop(listener, parse_upstream("https://api.example.com"))
