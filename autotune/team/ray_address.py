"""Where a Ray cluster answers, and whether anything does."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from autotune.errors import MachineError, UserError

VARIABLE = "RAY_ADDRESS"
DEFAULT = "127.0.0.1:6379"
"""A cluster that was started on this host for this host."""

_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")
_CONNECT_S = 10.0


def ray_address(asked: str | None, env: Mapping[str, str]) -> str:
    """What was asked for, else RAY_ADDRESS of `env`, else this host alone.

    Raises `UserError` for what is not HOST:PORT, which is not repeated: it may hold a secret. A
    token is Ray's to read (RAY_AUTH_MODE, RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH).
    """
    address = asked or env.get(VARIABLE) or DEFAULT
    if _ADDRESS.fullmatch(address) is None:
        where = "--address" if asked else VARIABLE
        raise UserError(
            f"{where} is not the HOST:PORT of a Ray cluster",
            "give the address that ray start --head shows, for example 127.0.0.1:6379; a token "
            "goes into RAY_AUTH_TOKEN",
        )
    return address


def check_answers(address: str) -> None:
    """Raise `MachineError` where nothing listens at `address`: Ray itself would wait a minute."""
    found = _ADDRESS.fullmatch(address)
    assert found is not None
    try:
        socket.create_connection(
            (found["host"].strip("[]"), int(found["port"])), timeout=_CONNECT_S
        ).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no answer"
        raise MachineError(
            f"no Ray cluster answers at {address}: {reason}",
            "start one (ray start --head), or check --address and RAY_ADDRESS",
        ) from None
