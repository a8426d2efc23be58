"""Whose socket it is: an engine whose port is held by another process is not measured."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psutil

from autotune.launchers.protocol import Server


def foreign_listener(server: Server) -> int | None:
    """The process that listens on the server's port when it is not the engine or its child.

    ``None`` when it is ours, and when the owner cannot be seen (a container's proxy runs as root).
    """
    port = urlsplit(server.base_url).port
    family = _family(server.process.pid)
    if any(port in _ports(process) for process in family):
        return None
    return _owner(port)


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _ports(process: psutil.Process) -> set[int]:
    with suppress(psutil.Error):
        return {port for c in process.net_connections("tcp") if (port := _listens_on(c))}
    return set()


def _owner(port: int | None) -> int | None:
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if port is not None and _listens_on(connection) == port:
                return int(connection.pid) if connection.pid else None
    return None


def _listens_on(connection: Any) -> int | None:
    """The port of a listening socket; psutil leaves the address empty where there is none."""
    if connection.status != psutil.CONN_LISTEN or not connection.laddr:
        return None
    return int(connection.laddr.port)
