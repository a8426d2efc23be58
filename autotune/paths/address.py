"""An endpoint as a person writes it, taken apart."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from autotune.errors import UserError

_ROUTES = ("/chat/completions", "/completions", "/messages", "/responses", "/models")
_HINT = "write it like http://127.0.0.1:8080 or https://openrouter.ai/api/v1"


@dataclass(frozen=True, slots=True)
class Address:
    """`base_url` has no trailing slash and no ``/v1``; `host` is the name alone."""

    base_url: str
    host: str

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def label(self) -> str:
        """Host and port, for tables."""
        return self.base_url.partition("//")[2].partition("/")[0]


def parse_address(url: str) -> Address:
    """The address in `url`: a bare host, a base URL, one with ``/v1``, or a whole route.

    Raises `UserError` for what is none, and for a key or a query in it.
    """
    text = url.strip()
    try:
        parts = urlsplit(text if "//" in text else f"http://{text}")
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise UserError(f"the endpoint is not a URL: {error}", _HINT) from None
    if parts.scheme not in ("http", "https") or not host:
        raise UserError("the endpoint is not a URL of http or https", _HINT)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UserError(
            f"the endpoint at {host} has more than host and path in its URL",
            "keys come from the environment: --key-env NAME, or --header name=env:NAME",
        )
    shown = f"[{host}]" if ":" in host else host
    place = f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")
    return Address(place + _bare_path(parts.path), host)


def _bare_path(path: str) -> str:
    """`path` without the route of an API and without ``/v1``."""
    bare = path.rstrip("/")
    for route in _ROUTES:
        bare = bare.removesuffix(route)
    return bare.removesuffix("/v1")
