"""Where the proxy listens, and who may reach it there."""

from __future__ import annotations

import errno
import ipaddress
import socket

from autotune.errors import MachineError, UserError
from autotune.recording.upstream import Upstream

_BACKLOG = 512


def bound_socket(
    host: str, port: int, *, allow_remote: bool, who: str = "the proxy"
) -> socket.socket:
    """A listening socket; port 0 takes any that is free. `who` listens, in words.

    Raises:
        UserError: `host` is no address of this machine, or one that others reach without
            `allow_remote`: nobody is asked who they are.
        MachineError: the port is taken, or may not be used.
    """
    family, address = _resolved(host, port)
    if not allow_remote and not ipaddress.ip_address(address[0].partition("%")[0]).is_loopback:
        raise UserError(
            f"{host} can be reached from other machines, and {who} asks nobody who they are",
            "listen on 127.0.0.1, or add --allow-remote",
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from error
    return listener


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UserError(f"{host!r} is no address", "give --host 127.0.0.1") from error
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _unusable(host: str, port: int, error: OSError) -> MachineError | UserError:
    if error.errno == errno.EADDRINUSE:
        return MachineError(f"port {port} of {host} is taken", "give another --port; 0 takes any")
    if error.errno == errno.EADDRNOTAVAIL:
        return UserError(f"{host} is no address of this machine", "give --host 127.0.0.1")
    return MachineError(f"cannot listen on {host}:{port}: {error.strerror}", "give another --port")


def url_of(listener: socket.socket) -> str:
    """The base URL under which a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def refuse_loop(listener: socket.socket, upstream: Upstream) -> None:
    """Raises `UserError` when the upstream is the proxy itself."""
    host, port = listener.getsockname()[:2]
    theirs = upstream.port or (443 if upstream.scheme == "https" else 80)
    if theirs == port and upstream.host in {host, "localhost", "127.0.0.1", "::1"}:
        raise UserError(
            f"the upstream {upstream} is the proxy's own address",
            "give --port another port than the upstream's",
        )
